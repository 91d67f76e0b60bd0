-- Forgets a request for its client's sake: cancels it if need be, deletes what its client sent and got. What is left
-- of the record lets a run that still goes on settle. Returns 1, or 0 if it is unknown or was removed.
if not load_all() or r.removed then return 0 end
if r.state ~= 'ended' then finish('cancelled', '', '{}', 'any/cancelled') end
save('removed', 1)
redis.call('DEL', LOG, BODY)
redis.call('PEXPIRE', REQ, ENDED_TTL_MS)
return 1
