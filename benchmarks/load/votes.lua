-- Votes for random media, each of a new session: wrk -s votes.lua URL -- ROWS
function init(arguments)
  rows = tonumber(arguments[1])
  math.randomseed(os.time())
  run = string.format("%08x", math.random(2 ^ 31))
  votes = 0
  wrk.headers["Content-Type"] = "application/json"
end

function request()
  votes = votes + 1
  local body = string.format('{"sessionId":"session_%s_%d"}', run, votes)
  return wrk.format("POST", "/api/media/public/" .. math.random(rows) .. "/upvote", nil, body)
end
