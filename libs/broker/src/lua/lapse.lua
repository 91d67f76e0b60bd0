-- The sweeper's answer to a lease that ran out.
-- Returns {'none'}, {'interrupted'} or {'placed', attempt, placement, target, provider, delay ms}
if load_all() ~= 'running' or is_leased() then return { 'none' } end
lose_run()
if r.visible == '1' then
  interrupt('lapse')
  return { 'interrupted' }
end
save('placement', tonumber(r.placement) + 1)
wait_in_queue(false, 0)
return placed('placed')
