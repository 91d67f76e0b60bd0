-- The sweeper's answer to a lease that ran out.
-- Returns {'none'}, {'interrupted'} or {'placed', attempt, placement, target, provider, delay ms}
if load_to_end('visible', 'placement', 'provider', 'targets', 'application') ~= 'running' or is_leased() then
  return { 'none' }
end
lose_run()
if r.visible == '1' then
  interrupt('lapse')
  return { 'interrupted' }
end
set('placement', int(r.placement + 1))
wait_in_queue(r.target, 0, false)
save()
return placed('placed')
