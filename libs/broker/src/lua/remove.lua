-- Forgets a request for its client's sake: cancels it if need be, deletes what its client sent and got, and frees its
-- idempotency key. What is left of the record lets a run that still goes on settle, and readers know.
-- KEYS: 15, only where it has one: its idempotency key. Returns 1, also to the same again; 0 if it is unknown.
if not load_to_end('removed') then return 0 end
if r.removed then return 1 end
if r.state ~= 'ended' then finish('cancelled', '', '{}', 'any/cancelled') end
set('removed', '1')
save()
redis.call('DEL', LOG, BODY)
redis.call('PEXPIRE', REQ, ENDED_TTL_MS)
-- Another may have its key by now.
if KEYS[15] and string.find(redis.call('GET', KEYS[15]) or '', ID .. ' ', 1, true) == 1 then
  redis.call('DEL', KEYS[15])
end
return 1
