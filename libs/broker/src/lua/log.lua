-- What a client reads. All of it needs r.last and r.readers.

-- A published entry above this size carries its id only, and the reader fetches it from the log; a message that holds
-- several ends before it grows above it.
local PUBLISH_LIMIT = 65536

-- By process: what it is to be told, in pieces, with their size and how many entries they are.
local outbox = {}

-- Entries of one message follow each other, each '<id> <entry> <previous entry> <kind> <length>\n' and as many bytes. One
-- that holds several begins with an empty line: versions that expect a single entry pass it over and read the log.
local function send(process, box)
  redis.call('PUBLISH', CHANNELS .. process, (box.entries > 1 and '\n' or '') .. table.concat(box))
end

-- What this script has for a process goes out together, by publish().
local function tell(process, head, bytes)
  local box, size = outbox[process], #head + #bytes
  if box and box.size + size > PUBLISH_LIMIT then
    send(process, box)
    box = nil
  end
  if not box then
    box = { size = 0, entries = 0 }
    outbox[process] = box
  end
  local count = #box
  box[count + 1], box[count + 2] = head, bytes
  box.size, box.entries = box.size + size, box.entries + 1
end

local function publish()
  for process, box in pairs(outbox) do send(process, box) end
  outbox = {}
end

-- Logs an entry and tells the readers. Each names its predecessor, so a reader sees a gap at once. The caller saves and
-- publishes.
local function write(entry, kind, bytes)
  redis.call('XADD', LOG, entry, 't', kind, 'b', bytes)
  if #bytes > PUBLISH_LIMIT then kind, bytes = 'fetch', '' end
  local head = ID .. ' ' .. entry .. ' ' .. r.last .. ' ' .. kind .. ' ' .. #bytes .. '\n'
  for reader in string.gmatch(r.readers, '%S+') do tell(reader, head, bytes) end
  set('last', entry)
end

-- The last frame and those before it share one path: a repeated seq is the resent command of a lost reply, and a gap
-- means that Redis refused the frame before (OOM), which must not be passed over in silence: false. The caller saves
-- and publishes. Needs r.epoch, r.seq, r.stream, r.first as well.
local function write_frame(seq, bytes)
  local ahead = seq - r.seq
  if ahead <= 0 then return true end
  if ahead > 1 then return false end
  write(r.epoch .. '-' .. seq, 'data', bytes)
  set('seq', seq)
  if not r.first then set('visible', r.stream, 'first', int(now())) end
  return true
end
