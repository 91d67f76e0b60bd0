-- Logs a run's next frame. ARGV: 3 epoch, 4 seq, 5 bytes.
-- Returns 1; 0 if another run holds the request, it ended, or an earlier frame is missing.
if load('epoch', 'seq', 'stream', 'last', 'readers', 'first') ~= 'running' or r.epoch ~= ARGV[3] then return 0 end
if not write_frame(ARGV[4], ARGV[5]) then return 0 end
if #changes > 0 then save() end
return 1
