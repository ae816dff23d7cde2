// HTTP as far as the tools need it: a server of a few GET routes, and one GET.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace kutils::serve {

// `8080`, `:8080`: loopback only; `HOST:PORT`, `[::1]:8080`, `0.0.0.0:8080`: as told. Port 0: any that is
// free. Throws usage_error.
struct HttpAddress {
  std::string host = "127.0.0.1";
  int port = 0;
};
HttpAddress parse_http_address(const std::string& option, const std::string& text);
std::string to_string(const HttpAddress& address);

// Who may ask. A web page in a browser can reach this machine's ports under a name of its own choice (DNS
// rebinding), but it cannot choose the Host header: only hosts that are ours are answered.
struct HttpAccess {
  std::string token = {};               // Authorization: Bearer; empty: none is asked for
  std::vector<std::string> hosts = {};  // names beside the loopback ones, the address and this machine's name
  // By which other processes reach us, a name of ours, too; port 0: that of the address. nullopt: by the address.
  std::optional<HttpAddress> advertised = {};
};

bool is_host(const std::string& text);           // a name or an address, without port
bool is_loopback_host(const std::string& host);  // as it is written; nothing is resolved

// `HOST`, `HOST:PORT` for HttpAccess::advertised. Throws usage_error for an address that no client can use.
HttpAddress parse_advertised(const std::string& option, const std::string& text);
// Where others reach who listens at `bound`: by this machine's name where that is any of its addresses.
HttpAddress reachable_address(const HttpAddress& bound, const std::optional<HttpAddress>& advertised);

struct HttpRequest {
  std::string path;  // decoded, without the query
  std::multimap<std::string, std::string> parameters;
};
struct HttpReply {
  int status = 200;
  std::string type = "text/plain; charset=utf-8";
  std::string body = {};
};
using HttpHandler = std::function<HttpReply(const HttpRequest&)>;

struct HttpRoutes {
  // Answered at once by the thread that looks after all connections; must not wait for anything. nullopt: it
  // is for `handler`.
  std::function<std::optional<HttpReply>(const HttpRequest&)> quick;
  // Answered by one of a few threads.
  HttpHandler handler;
  // Paths that are answered without the token.
  std::function<bool(const std::string& path)> is_open;
};

// Answers GET requests, on threads of its own, from construction to destruction. A kutils::Error that the
// handler throws becomes status 400 (usage) or 500. One request a connection. All that a client can take is
// bounded: connections, bytes of the request, the time that it takes to send it and to read the answer, and
// answers in memory. Where there are too many connections, the ones that said nothing yet give way.
// The destructor ends what is under way at once, but for a handler that runs.
class HttpServer {
 public:
  // Throws usage_error if the address cannot be bound: also if another process has it.
  HttpServer(const HttpAddress& address, HttpRoutes routes, HttpAccess access = {});
  ~HttpServer();
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;
  const HttpAddress& address() const;  // with the port that was taken

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// `token`: empty for none. Throws Error(connection) if nobody answers, or not within a minute.
HttpReply http_get(const HttpAddress& address, const std::string& path,
                   const std::vector<std::pair<std::string, std::string>>& parameters,
                   const std::string& token = {});

}  // namespace kutils::serve
