-- Ends a request. ARGV: 3 guard, 4 its value or '', 5 outcome, 6 code or '', 7 params JSON, 8 attempt record JSON or '',
-- 9 seq of the last frame or '', 10 its bytes, 11 does the run that seals settle as well 0|1, 12 its usage JSON, or ''
-- if it made no call. It settles also where the seal is refused. Returns 1, also to the same seal again; else 0.
local guard, value, outcome, record = ARGV[3], ARGV[4], ARGV[5], ARGV[8]
if not load_to_end('sealed_by', 'deadline', 'seq', 'stream', 'application') then return 0 end
if ARGV[11] == '1' then settle_own(value, ARGV[12]) end
local by = guard_name(guard, value) .. '/' .. outcome
if r.state == 'ended' then return r.sealed_by == by and 1 or 0 end
if not allows(guard, value) then return 0 end
if ARGV[9] ~= '' and not write_frame(ARGV[9], ARGV[10]) then return 0 end
if record ~= '' then set('trail', r.trail .. (r.trail == '' and '' or ',') .. record) end
finish(outcome, ARGV[6], ARGV[7], by)
return 1
