-- What a client reads. All of it needs r.last and r.readers.

-- A published entry above this size carries its id only; the reader fetches it from the log.
local PUBLISH_LIMIT = 65536

-- Logs an entry and tells the readers. Each message names its predecessor, so a reader sees a gap at once. The caller
-- saves.
local function write(entry, kind, bytes)
  redis.call('XADD', LOG, entry, 't', kind, 'b', bytes)
  local payload = #bytes <= PUBLISH_LIMIT and kind .. '\n' .. bytes or 'fetch\n'
  local message = ID .. ' ' .. entry .. ' ' .. r.last .. ' ' .. payload
  for reader in string.gmatch(r.readers, '%S+') do redis.call('PUBLISH', CHANNELS .. reader, message) end
  set('last', entry)
end

-- The last frame and those before it share one path: a repeated seq is the resent command of a lost reply, and a gap
-- means that Redis refused the frame before (OOM), which must not be passed over in silence: false. The caller saves.
-- Needs r.epoch, r.seq, r.stream, r.first as well.
local function write_frame(seq, bytes)
  local ahead = seq - r.seq
  if ahead <= 0 then return true end
  if ahead > 1 then return false end
  write(r.epoch .. '-' .. seq, 'data', bytes)
  set('seq', seq)
  if not r.first then set('visible', r.stream, 'first', int(now())) end
  return true
end
