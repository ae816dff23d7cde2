// HTTP as far as the tools need it: a server of a few GET routes, and one GET.
#pragma once

#include <functional>
#include <map>
#include <memory>
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

// Answers GET requests by `handler`, on threads of its own, from construction to destruction. A kutils::Error
// that the handler throws becomes status 400 (usage) or 500. The destructor ends what is under way within
// seconds.
class HttpServer {
 public:
  // Throws usage_error if the address cannot be bound: also if another process has it.
  HttpServer(const HttpAddress& address, HttpHandler handler);
  ~HttpServer();
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;
  const HttpAddress& address() const;  // with the port that was taken

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// Throws Error(connection) if nobody answers.
HttpReply http_get(const HttpAddress& address, const std::string& path,
                   const std::vector<std::pair<std::string, std::string>>& parameters);

}  // namespace kutils::serve
