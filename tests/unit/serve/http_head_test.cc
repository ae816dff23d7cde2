#include "serve/http_head.h"
#include "support/catch.h"

using namespace kutils::serve;

namespace {

int refusal(const std::string& bytes) {
  const HeadResult result = read_head(bytes);
  return result.refusal ? result.refusal->status : 0;
}
const std::string kGet = "GET / HTTP/1.1\r\nHost: localhost\r\n";

}  // namespace

TEST_CASE("a request's head") {
  const HeadResult result = read_head(
      "GET /table/a%20b?key=x%26y+z&key=&&prefix=%C3%A9#top HTTP/1.1\r\nhost: LOCALHOST:80\r\n"
      "authorization: bearer  secret \r\nRange: bytes=0-1\r\n\r\nwhat follows");
  REQUIRE(result.is_complete);
  CHECK_FALSE(result.refusal);
  CHECK(result.head.request.path == "/table/a b");
  CHECK(result.head.request.parameters ==
        std::multimap<std::string, std::string>{{"key", "x&y z"}, {"key", ""}, {"prefix", "\xC3\xA9"}});
  CHECK(result.head.host == "localhost");
  CHECK(result.head.bearer == "secret");
  CHECK_FALSE(result.head.is_head);
  // A browser asks its user for a password: that is the token. user:se:cret
  CHECK(read_head(kGet + "Authorization: Basic dXNlcjpzZTpjcmV0\r\n\r\n").head.bearer == "se:cret");
  CHECK(read_head(kGet + "Authorization: Basic ***\r\n\r\n").head.bearer.empty());
  CHECK(read_head("HEAD http://Example.org:80/x HTTP/1.1\nHost: other\n\n").head.host == "example.org");
  CHECK(read_head("HEAD / HTTP/1.0\n\n").head.is_head);
}

TEST_CASE("every prefix of a head is unfinished, and no refusal") {
  const std::string whole = kGet + "X: y\r\n\r\n";
  for (size_t n = 0; n < whole.size(); ++n) {
    const HeadResult result = read_head(whole.substr(0, n));
    CHECK_FALSE(result.is_complete);
    CHECK_FALSE(result.refusal);
  }
  CHECK(read_head(whole).is_complete);
}

TEST_CASE("what is refused, as soon as it can be seen") {
  CHECK(refusal("POST / HTTP/1.1\r\n") == 405);
  CHECK(refusal("GET / HTTP/2\r\n") == 505);
  CHECK(refusal("\x16\x03\x01\n") == 400);
  CHECK(refusal("GET x HTTP/1.1\r\n") == 400);
  CHECK(refusal("GET /%zz HTTP/1.1\r\n") == 400);
  CHECK(refusal("GET /?a=%4 HTTP/1.1\r\n") == 400);
  CHECK(refusal("GET /a b HTTP/1.1\r\n") == 400);
  CHECK(refusal("GET http:///x HTTP/1.1\r\n") == 400);
  CHECK(refusal("GET / HTTP/1.1\r\n\r\n") == 400);
  CHECK(refusal(kGet + "Host: b\r\n\r\n") == 400);
  CHECK(refusal(kGet + "no colon\r\n") == 400);
  CHECK(refusal(kGet + " folded: x\r\n") == 400);
  CHECK(refusal("GET / HTTP/1.1\r\nHost: a:b:c\r\n") == 400);
  CHECK(refusal("GET / HTTP/1.1\r\nHost: [::1\r\n") == 400);
  CHECK(refusal(kGet + "Content-Length: 5\r\n") == 413);
  CHECK(refusal(kGet + "Transfer-Encoding: chunked\r\n") == 413);
  CHECK(refusal(kGet + "Content-Length: 0\r\n") == 0);
  // Without a line's end in sight, too.
  CHECK(refusal("GET /" + std::string(kMostTargetBytes + 100, 'x')) == 414);
  CHECK(refusal(kGet + std::string(kMostLineBytes + 1, 'x')) == 431);
  std::string many = kGet;
  for (int i = 0; i < 200; ++i) many += "X: y\r\n";
  CHECK(refusal(many) == 431);
  std::string large = kGet;
  for (int i = 0; i < 9; ++i) large += "X: " + std::string(kMostLineBytes - 100, 'y') + "\r\n";
  CHECK(refusal(large) == 431);
}

TEST_CASE("names of hosts") {
  CHECK(host_name("A.b.:80") == "a.b");
  CHECK(host_name("[::1]:80") == "::1");
  CHECK(host_name("[::1]") == "::1");
  for (const char* bad : {"", ":80", "a:x", "a:1234567", "::1", "[]", "[::1]x"}) CHECK_FALSE(host_name(bad));
}
