#include "serve/http.h"

#include <poll.h>
#include <sys/socket.h>

#include <cerrno>
#include <charconv>
#include <chrono>
#include <cstring>

#include "base/error.h"
#include "serve/sockets.h"

namespace kutils::serve {
namespace {

using SteadyClock = std::chrono::steady_clock;
constexpr std::chrono::seconds kConnectLimit{5};
constexpr std::chrono::seconds kAnswerLimit{60};
constexpr size_t kMostAnswerBytes = size_t{64} << 20;  // four times what a table answers with at most

std::string encoded(const std::string& text) {
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
}

// False: not by the deadline.
bool wait_until(int fd, short events, SteadyClock::time_point deadline) {
  while (true) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(deadline - SteadyClock::now());
    if (left.count() <= 0) return false;
    pollfd one{fd, events, 0};
    const int n = ::poll(&one, 1, static_cast<int>(left.count()));
    if (n > 0) return true;
    if (n < 0 && errno != EINTR) return false;
  }
}

// A request and its answer over one connection; why() says what went wrong.
class Exchange {
 public:
  bool connect(const HttpAddress& address) {
    const Addresses found = resolve(address, false, why_);
    const auto deadline = SteadyClock::now() + kConnectLimit;
    for (const addrinfo* at = found.get(); at != nullptr; at = at->ai_next) {
      socket_ =
          Socket(::socket(at->ai_family, at->ai_socktype | SOCK_NONBLOCK | SOCK_CLOEXEC, at->ai_protocol));
      if (!socket_) {
        why_ = std::strerror(errno);
        continue;
      }
      if (::connect(socket_.get(), at->ai_addr, at->ai_addrlen) == 0) return true;
      int error = errno;
      if (error == EINPROGRESS) {
        socklen_t size = sizeof error;
        if (!wait_until(socket_.get(), POLLOUT, deadline))
          error = ETIMEDOUT;
        else
          ::getsockopt(socket_.get(), SOL_SOCKET, SO_ERROR, &error, &size);
        if (error == 0) return true;
      }
      why_ = std::strerror(error);
    }
    return false;
  }
  bool ask(std::string_view request, std::string& answer) {
    const auto deadline = SteadyClock::now() + kAnswerLimit;
    while (!request.empty()) {
      const ssize_t n = ::send(socket_.get(), request.data(), request.size(), MSG_NOSIGNAL);
      if (n >= 0) {
        request.remove_prefix(static_cast<size_t>(n));
      } else if (!may_go_on(POLLOUT, deadline)) {
        break;  // it may have answered before it had read it all
      }
    }
    char buffer[64 * 1024];
    while (answer.size() < kMostAnswerBytes) {
      const ssize_t n = ::recv(socket_.get(), buffer, sizeof buffer, 0);
      if (n == 0) return true;
      if (n > 0) {
        answer.append(buffer, static_cast<size_t>(n));
      } else if (!may_go_on(POLLIN, deadline)) {
        return !answer.empty();
      }
    }
    why_ = "the answer is too large";
    return false;
  }
  const std::string& why() const { return why_; }

 private:
  bool may_go_on(short events, SteadyClock::time_point deadline) {
    if (errno == EINTR) return true;
    if (errno != EAGAIN && errno != EWOULDBLOCK) {
      why_ = std::strerror(errno);
      return false;
    }
    if (wait_until(socket_.get(), events, deadline)) return true;
    why_ = "no complete answer within a minute";
    return false;
  }

  Socket socket_;
  std::string why_;
};

// Of our own server's answers, and of others as far as they are like them. False: it is no answer, or cut.
bool read_answer(std::string_view bytes, HttpReply& reply) {
  const size_t end = bytes.find("\r\n\r\n");
  if (end == std::string_view::npos || bytes.rfind("HTTP/1.", 0) != 0 || bytes.size() < 12) return false;
  const std::string_view head = bytes.substr(0, end + 2);
  if (std::from_chars(head.data() + 9, head.data() + 12, reply.status).ec != std::errc()) return false;
  reply.type.clear();
  std::optional<size_t> length;
  for (size_t from = head.find("\r\n") + 2; from < head.size();) {
    const size_t stop = head.find("\r\n", from);
    const std::string_view line = head.substr(from, stop - from);
    from = stop + 2;
    const size_t colon = line.find(':');
    if (colon == std::string_view::npos) continue;
    std::string name(line.substr(0, colon));
    for (char& c : name)
      if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    std::string_view value = line.substr(colon + 1);
    while (!value.empty() && value.front() == ' ') value.remove_prefix(1);
    if (name == "content-type") reply.type = value;
    if (name == "content-length") {
      size_t number = 0;
      if (std::from_chars(value.data(), value.data() + value.size(), number).ec != std::errc()) return false;
      length = number;
    }
  }
  reply.body = bytes.substr(end + 4);
  return !length || *length == reply.body.size();
}

}  // namespace

HttpAddress parse_http_address(const std::string& option, const std::string& text) {
  HttpAddress address;
  const size_t colon = text.rfind(':');
  const std::string port = colon == std::string::npos ? text : text.substr(colon + 1);
  const char* end = port.data() + port.size();
  const auto [stopped, error] = std::from_chars(port.data(), end, address.port);
  if (port.empty() || error != std::errc() || stopped != end || address.port < 0 || address.port > 65535)
    throw usage_error(option + ": '" + text + "' is not an address",
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

HttpReply http_get(const HttpAddress& address, const std::string& path,
                   const std::vector<std::pair<std::string, std::string>>& parameters,
                   const std::string& token) {
  std::string request = "GET " + encoded(path);
  char separator = '?';
  for (const auto& [name, value] : parameters) {
    request += separator + encoded(name) + "=" + encoded(value);
    separator = '&';
  }
  request += " HTTP/1.1\r\nHost: " + to_string(address) + "\r\nConnection: close\r\n";
  if (!token.empty()) request += "Authorization: Bearer " + token + "\r\n";
  request += "\r\n";

  const auto nobody = [&](const std::string& why) {
    return Error(ExitCode::connection, "no answer from http://" + to_string(address) + ": " + why,
                 "is the tool running, and with this --http?");
  };
  Exchange exchange;
  std::string answer;
  if (!exchange.connect(address)) throw nobody("cannot connect: " + exchange.why());
  if (!exchange.ask(request, answer)) throw nobody(exchange.why());
  HttpReply reply;
  if (!read_answer(answer, reply))
    throw nobody(answer.empty() || answer.rfind("HTTP/", 0) == 0
                     ? "the connection ended before the whole answer was there"
                     : "the answer is not HTTP");
  return reply;
}

}  // namespace kutils::serve
