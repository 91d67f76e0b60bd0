-- Where the request stands. ARGV: 3 a replica that reads it from now on and so gets its frames published, or ''.
-- Returns {} if it is unknown or was removed, else {application, state, outcome or '', stream 0|1, keep ms or '', model,
--         created, deadline, attempt, provider, ended or '', position or 0, pace ms or ''}
if not load('removed', 'readers', 'ticket', 'application', 'outcome', 'stream', 'keep', 'model', 'created', 'deadline',
  'attempt', 'provider', 'ended') or r.removed then
  return {}
end
local replica = ARGV[3]
if replica ~= '' and not string.find(' ' .. r.readers .. ' ', ' ' .. replica .. ' ', 1, true) then
  set('readers', r.readers .. ' ' .. replica)
  save()
end
local position, pace = 0, ''
if r.state == 'waiting' then
  position = redis.call('ZLEXCOUNT', WAITING, '[' .. r.provider .. '|', '[' .. r.ticket)
  pace = redis.call('HGET', PACE, r.provider .. ':mean') or ''
end
return { r.application, r.state, r.outcome or '', r.stream, r.keep or '', r.model, r.created, r.deadline, r.attempt,
  r.provider, r.ended or '', position, pace }
