// The server against clients that mean harm: raw sockets.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <vector>

#include "base/error.h"
#include "serve/http.h"
#include "support/catch.h"

using namespace kutils;
using namespace kutils::serve;

namespace {

using SteadyClock = std::chrono::steady_clock;

class Client {
 public:
  explicit Client(const HttpAddress& at, int receive_buffer = 0) : fd_(::socket(AF_INET, SOCK_STREAM, 0)) {
    if (receive_buffer > 0) ::setsockopt(fd_, SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof receive_buffer);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<uint16_t>(at.port));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    REQUIRE(::connect(fd_, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
  }
  Client(Client&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  ~Client() {
    if (fd_ >= 0) ::close(fd_);
  }
  // False: the server has closed.
  bool say(const std::string& text) {
    return ::send(fd_, text.data(), text.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(text.size());
  }
  // Until the server closes.
  std::string hear() {
    std::string all;
    char buffer[64 * 1024];
    for (ssize_t n; (n = ::recv(fd_, buffer, sizeof buffer, 0)) > 0;)
      all.append(buffer, static_cast<size_t>(n));
    return all;
  }
  bool is_closed_within(std::chrono::milliseconds limit) {
    pollfd one{fd_, POLLIN, 0};
    char byte;
    return ::poll(&one, 1, static_cast<int>(limit.count())) > 0 && ::recv(fd_, &byte, 1, 0) <= 0;
  }

 private:
  int fd_;
};

HttpRoutes routes() {
  HttpRoutes routes;
  routes.quick = [](const HttpRequest& request) -> std::optional<HttpReply> {
    if (request.path == "/health") return HttpReply{200, "text/plain", "well\n"};
    return std::nullopt;
  };
  routes.handler = [](const HttpRequest& request) {
    if (request.path == "/large") return HttpReply{200, "text/plain", std::string(size_t{16} << 20, 'x')};
    return HttpReply{200, "text/plain", "hello\n"};
  };
  routes.is_open = [](const std::string& path) { return path == "/health"; };
  return routes;
}
int status_of(const std::string& answer) { return answer.size() < 12 ? 0 : std::stoi(answer.substr(9, 3)); }
std::string ask(const HttpServer& server, const std::string& request) {
  Client client(server.address());
  client.say(request);
  return client.hear();
}
int with_host(const HttpServer& server, const std::string& host) {
  return status_of(ask(server, "GET / HTTP/1.1\r\nHost: " + host + "\r\n\r\n"));
}
// How long /health takes, in ms.
int64_t health_takes(const HttpServer& server) {
  const auto began = SteadyClock::now();
  CHECK(http_get(server.address(), "/health", {}).body == "well\n");
  return std::chrono::duration_cast<std::chrono::milliseconds>(SteadyClock::now() - began).count();
}
const std::string kGet = "GET / HTTP/1.1\r\nHost: localhost\r\n";

}  // namespace

TEST_CASE("a GET, a HEAD, several in a row, and a Range that is not heeded") {
  const HttpServer server({"127.0.0.1", 0}, routes());
  CHECK(http_get(server.address(), "/", {}).body == "hello\n");
  const std::string head = ask(server, "HEAD / HTTP/1.1\r\nHost: localhost\r\n\r\n");
  CHECK((head.find("Content-Length: 6\r\n") != head.npos && head.find("hello") == head.npos));
  std::string ranges = "Range: bytes=0-0";
  for (int i = 0; i < 1000; ++i) ranges += ",0-5";
  const std::string answer = ask(server, kGet + ranges + "\r\n\r\n");
  CHECK(status_of(answer) == 200);
  CHECK(answer.substr(answer.find("\r\n\r\n") + 4) == "hello\n");
}

TEST_CASE("only hosts that are ours are answered") {
  const HttpServer server({"127.0.0.1", 0}, routes(), {"", {"tables.example.org"}});
  for (const char* ours :
       {"localhost", "LOCALHOST:1", "127.0.0.1", "127.0.0.2:80", "[::1]:1", "tables.Example.org"})
    CHECK(with_host(server, ours) == 200);
  for (const char* others :
       {"evil.example", "localhost.evil.example", "127.evil.example", "10.0.0.1", "0.0.0.0"})
    CHECK(with_host(server, others) == 403);
  const HttpServer open({"0.0.0.0", 0}, routes());
  CHECK(with_host(open, "10.0.0.1:80") == 200);  // its address behind a NAT: no name that could be rebound
  CHECK(with_host(open, "evil.example") == 403);
}

TEST_CASE("a token, but for what is open") {
  const HttpServer server({"127.0.0.1", 0}, routes(), {"secret", {}});
  CHECK(http_get(server.address(), "/", {}).status == 401);
  CHECK(http_get(server.address(), "/", {}, "secrets").status == 401);
  CHECK(http_get(server.address(), "/", {}, "s").status == 401);
  CHECK(http_get(server.address(), "/", {}, "secret").status == 200);
  CHECK(http_get(server.address(), "/health", {}).status == 200);
}

TEST_CASE("a body is refused before it is read") {
  const HttpServer server({"127.0.0.1", 0}, routes());
  Client client(server.address());
  client.say("POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 629145600\r\n\r\n" +
             std::string(100'000, 'x'));
  CHECK(status_of(client.hear()) == 405);
}

TEST_CASE("idle and slow clients by the hundred: /health is answered at once, and each is cut") {
  const HttpServer server({"127.0.0.1", 0}, routes());
  std::vector<Client> idle, slow;
  for (int i = 0; i < 300; ++i) idle.emplace_back(server.address());
  for (int i = 0; i < 60; ++i) {
    slow.emplace_back(server.address());
    slow.back().say("GET / HT");
  }
  CHECK(health_takes(server) < 2000);
  CHECK(idle.front().is_closed_within(std::chrono::seconds(5)));  // gave way
  // A byte now and then wins no time: the limit is for the whole head.
  const auto began = SteadyClock::now();
  bool is_closed = false;
  while (!is_closed && SteadyClock::now() - began < std::chrono::seconds(20)) {
    slow.back().say("T");
    is_closed = slow.back().is_closed_within(std::chrono::milliseconds(200));
  }
  CHECK(is_closed);
  CHECK(health_takes(server) < 2000);
}

TEST_CASE(
    "clients that do not read their large answers: /health is answered, the others wait and get theirs") {
  const HttpServer server({"127.0.0.1", 0}, routes());
  const std::string large = "GET /large HTTP/1.1\r\nHost: localhost\r\n\r\n";
  std::vector<Client> stuck;
  for (int i = 0; i < 10; ++i) {
    stuck.emplace_back(server.address(), 4096);
    stuck.back().say(large);
  }
  CHECK(health_takes(server) < 2000);
  // It comes to its turn, for the stuck ones are cut.
  CHECK(http_get(server.address(), "/large", {}).body.size() == size_t{16} << 20);
}

TEST_CASE("handlers that are busy: more questions than can wait are refused, /health is answered") {
  std::mutex mutex;
  std::condition_variable changed;
  bool may_go = false;
  HttpRoutes slow = routes();
  slow.handler = [&](const HttpRequest&) {
    std::unique_lock lock(mutex);
    changed.wait(lock, [&] { return may_go; });
    return HttpReply{200, "text/plain", "done\n"};
  };
  const HttpServer server({"127.0.0.1", 0}, std::move(slow));
  std::vector<Client> clients;
  for (int i = 0; i < 40; ++i) {
    clients.emplace_back(server.address());
    clients.back().say(kGet + "\r\n");
  }
  CHECK(status_of(clients.back().hear()) == 503);
  CHECK(health_takes(server) < 2000);
  {
    const std::lock_guard lock(mutex);
    may_go = true;
    changed.notify_all();
  }
  CHECK(status_of(clients.front().hear()) == 200);
}

TEST_CASE("an address in use, and the end of a server with clients") {
  auto server = std::make_unique<HttpServer>(HttpAddress{"127.0.0.1", 0}, routes());
  CHECK_THROWS_AS(HttpServer(server->address(), routes()), Error);
  Client idle(server->address());
  const auto began = SteadyClock::now();
  server.reset();
  CHECK(SteadyClock::now() - began < std::chrono::seconds(2));
}
