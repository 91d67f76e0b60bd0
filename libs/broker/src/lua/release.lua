-- Hands a run back as if it had not started. ARGV: 3 epoch.
-- Returns 1, also to the same release again; 0 if another holds the request, it ended, or its output was seen.
if not load_all() then return 0 end
local by = 'release:' .. ARGV[3]
if r.state == 'waiting' and r.moved_by == by then return 1 end
if not allows('epoch', ARGV[3]) or r.visible == '1' then return 0 end
save('starts', tonumber(r.starts) - 1, 'moved_by', by)
wait_in_queue(false)
return 1
