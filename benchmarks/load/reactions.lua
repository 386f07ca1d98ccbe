-- Reactions to random media: wrk -s reactions.lua URL -- ROWS
function init(arguments)
  rows = tonumber(arguments[1])
  math.randomseed(os.time())
end

function request()
  return wrk.format("GET", "/api/reactions?mediaId=" .. math.random(rows))
end
