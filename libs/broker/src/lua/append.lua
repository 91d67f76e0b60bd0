-- Logs the next frames of runs of one shard. KEYS: req and log of each. ARGV: 1 is set here, 2 prefix of the processes'
-- channels, then id, epoch, seq and bytes of each.
-- Returns for each: 1; 0 if another run holds the request, it ended, or an earlier frame is missing; or the error with
-- which Redis refused it. Where it took none and refused some, that error is the reply.
local function append(epoch, seq, bytes)
  if load('epoch', 'seq', 'stream', 'last', 'readers', 'first') ~= 'running' or r.epoch ~= epoch then return 0 end
  if not write_frame(seq, bytes) then return 0 end
  if #changes > 0 then save() end
  return 1
end

local replies, taken, refusal = {}, false, nil
for i = 1, #KEYS / 2 do
  -- What the parts know as REQ, LOG and ID is that of the frame at hand.
  local at = 4 * i - 1
  KEYS[1], KEYS[2], ARGV[1] = KEYS[2 * i - 1], KEYS[2 * i], ARGV[at]
  -- What is wrong with one request must not hold up the others.
  local is_done, reply = pcall(append, ARGV[at + 1], ARGV[at + 2], ARGV[at + 3])
  if not is_done then
    reply = { err = reply }
    refusal, changes = reply, {}
  elseif reply == 1 then
    taken = true
  end
  replies[i] = reply
end
publish()
if refusal and not taken then return refusal end
return replies
