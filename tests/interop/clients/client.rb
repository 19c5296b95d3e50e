# Asks for each path that comes by a line, with the cookies of http-cookie, and writes the body by a line.
require "http/cookie"
require "net/http"

$stdout.sync = true
jar = HTTP::CookieJar.new
$stdin.each_line(chomp: true) do |path|
  address = URI(ARGV[0] + path)
  request = Net::HTTP::Get.new(address)
  cookies = jar.cookies(address)
  request["Cookie"] = HTTP::Cookie.cookie_value(cookies) unless cookies.empty?
  response = Net::HTTP.new(address.host, address.port, nil).request(request)
  (response.get_fields("Set-Cookie") || []).each { |line| jar.parse(line, address) }
  puts response.body
end
