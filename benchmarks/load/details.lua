-- Details of random media: wrk -s details.lua URL -- ROWS
function init(arguments)
  rows = tonumber(arguments[1])
  math.randomseed(os.time())
end

function request()
  return wrk.format("GET", "/api/media/public/" .. math.random(rows))
end
