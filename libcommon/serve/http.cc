#include "serve/http.h"

#include <httplib.h>
#include <signal.h>
#include <sys/socket.h>

#include <charconv>
#include <thread>

#include "base/error.h"

namespace kutils::serve {
namespace {

constexpr int kThreads = 2;
constexpr time_t kPatienceSeconds = 5;

// Signals are for the main thread.
class SignalsBlocked {
 public:
  SignalsBlocked() {
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before_);
  }
  ~SignalsBlocked() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }

 private:
  sigset_t before_;
};

// The library has one word for each, of which some say nothing to a reader.
const char* reason_of(httplib::Error error) {
  switch (error) {
    case httplib::Error::Connection:
      return "cannot connect";
    case httplib::Error::ConnectionTimeout:
      return "cannot connect within 5 s";
    case httplib::Error::Read:
      return "the connection ended, or was silent for 5 s, before the whole answer was there";
    case httplib::Error::Write:
      return "the connection ended before the whole question was sent";
    default:
      return "the answer is not HTTP";
  }
}

}  // namespace

HttpAddress parse_http_address(const std::string& option, const std::string& text) {
  HttpAddress address;
  const size_t colon = text.rfind(':');
  const std::string port = colon == std::string::npos ? text : text.substr(colon + 1);
  const char* end = port.data() + port.size();
  const auto [stopped, error] = std::from_chars(port.data(), end, address.port);
  if (port.empty() || error != std::errc() || stopped != end || address.port < 0 || address.port > 65535)
    throw usage_error(option + ": '" + text + "' is no address",
                      "PORT (this machine only) or HOST:PORT, as 0.0.0.0:8080");
  if (colon != std::string::npos && colon > 0) address.host = text.substr(0, colon);
  if (address.host.size() > 2 && address.host.front() == '[' && address.host.back() == ']')
    address.host = address.host.substr(1, address.host.size() - 2);
  return address;
}

std::string to_string(const HttpAddress& address) {
  const bool is_v6 = address.host.find(':') != std::string::npos;
  return (is_v6 ? "[" + address.host + "]" : address.host) + ":" + std::to_string(address.port);
}

struct HttpServer::Impl {
  HttpAddress address;
  httplib::Server server;
  std::thread thread;
};

HttpServer::HttpServer(const HttpAddress& address, HttpHandler handler) : impl_(std::make_unique<Impl>()) {
  impl_->address = address;
  httplib::Server& server = impl_->server;
  server.new_task_queue = [] { return new httplib::ThreadPool(kThreads); };
  // Its own choice would let two processes listen on one port.
  server.set_socket_options([](socket_t socket) {
    const int yes = 1;
    ::setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  });
  server.set_keep_alive_max_count(1);  // an idle connection would hold a thread
  server.set_read_timeout(kPatienceSeconds);
  server.set_write_timeout(kPatienceSeconds);
  server.Get(
      ".*", [handle = std::move(handler)](const httplib::Request& request, httplib::Response& response) {
        HttpReply reply;
        try {
          reply = handle({request.path, {request.params.begin(), request.params.end()}});
        } catch (const Error& error) {
          reply.status = error.code() == ExitCode::usage ? 400 : 500;
          reply.body = std::string(error.what()) + (error.hint().empty() ? "" : "\n" + error.hint()) + "\n";
        } catch (const std::exception& error) {
          reply.status = 500;
          reply.body = std::string(error.what()) + "\n";
        }
        response.status = reply.status;
        response.set_content(std::move(reply.body), reply.type.c_str());
      });
  const bool bound = address.port == 0 ? (impl_->address.port = server.bind_to_any_port(address.host)) > 0
                                       : server.bind_to_port(address.host, address.port);
  if (!bound)
    throw usage_error("--http: cannot listen on " + to_string(address),
                      "is another process listening there? 0 takes any free port");
  const SignalsBlocked blocked;
  impl_->thread = std::thread([&server] { server.listen_after_bind(); });
  // stop() before it runs would be lost.
  while (!server.is_running()) std::this_thread::yield();
}

HttpServer::~HttpServer() {
  impl_->server.stop();
  impl_->thread.join();
}

const HttpAddress& HttpServer::address() const { return impl_->address; }

HttpReply http_get(const HttpAddress& address, const std::string& path,
                   const std::vector<std::pair<std::string, std::string>>& parameters) {
  httplib::Client client(address.host, address.port);
  client.set_connection_timeout(kPatienceSeconds);
  client.set_read_timeout(10 * kPatienceSeconds);
  const auto encoded = [](const std::string& text) {
    static constexpr char kHex[] = "0123456789ABCDEF";
    std::string out;
    for (const char c : text) {
      const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                         c == '-' || c == '.' || c == '_' || c == '~' || c == '/';
      if (plain) {
        out.push_back(c);
      } else {
        out += {'%', kHex[static_cast<uint8_t>(c) >> 4], kHex[static_cast<uint8_t>(c) & 15]};
      }
    }
    return out;
  };
  std::string target = encoded(path);
  char separator = '?';
  for (const auto& [name, value] : parameters) {
    target += separator + encoded(name) + "=" + encoded(value);
    separator = '&';
  }
  const httplib::Result result = client.Get(target.c_str());
  if (!result)
    throw Error(ExitCode::connection,
                "no answer from http://" + to_string(address) + ": " + reason_of(result.error()),
                "is the tool running, and with this --http?");
  return {result->status, result->get_header_value("Content-Type"), result->body};
}

}  // namespace kutils::serve
