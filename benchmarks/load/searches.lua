-- Searches, by turns with many hits and with few: wrk -s searches.lua URL
local words = { "sunset", "harbor", "violin", "rocket", "winter", "comedy", "robot", "opera" }

function init()
  math.randomseed(os.time())
end

function request()
  local text = words[math.random(#words)]
  if math.random(2) == 1 then
    text = text .. "-" .. words[math.random(#words)]
  end
  return wrk.format("GET", "/api/media/public?search=" .. text)
end
