// One thread looks after all connections by poll(2); a few others run the handler, each for one request at a
// time. A connection is a deadline, what came and what goes out.
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/types.h>

#include <arpa/inet.h>
#include <algorithm>
#include <cerrno>
#include <chrono>
#include <condition_variable>
#include <cstring>
#include <deque>
#include <mutex>
#include <thread>

#include "base/error.h"
#include "flow/membership/served_at.h"
#include "serve/http_head.h"
#include "serve/sockets.h"

namespace kutils::serve {
namespace {

using SteadyClock = std::chrono::steady_clock;
using std::chrono::milliseconds;

constexpr int kHandlers = 2;
constexpr size_t kMostConnections = 64;
constexpr size_t kMostWaiting = 32;  // for a handler; the rest of the connections can give way
constexpr size_t kMostAnswerBytes = size_t{32} << 20;  // that wait to be read, before another is made
constexpr milliseconds kHeadLimit{5'000};              // for the whole head
constexpr milliseconds kStallLimit{5'000};             // without a byte of the answer taken
constexpr milliseconds kStallLimitPressed{500};        // while others wait for the memory that it holds
constexpr int64_t kSlowestBytesPerMs = 256;            // 256 KB a second at least, on average, after that
constexpr milliseconds kLingerLimit{1'000};            // for what a client still sends that has its answer
constexpr milliseconds kNoDescriptorPause{200};

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

const char* reason(int status) {
  switch (status) {
    case 200:
      return "OK";
    case 400:
      return "Bad Request";
    case 401:
      return "Unauthorized";
    case 403:
      return "Forbidden";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    case 413:
      return "Content Too Large";
    case 414:
      return "URI Too Long";
    case 421:
      return "Misdirected Request";
    case 431:
      return "Request Header Fields Too Large";
    case 500:
      return "Internal Server Error";
    case 503:
      return "Service Unavailable";
    case 505:
      return "HTTP Version Not Supported";
    default:
      return "Answer";
  }
}

std::string head_of(const HttpReply& reply) {
  std::string out = "HTTP/1.1 " + std::to_string(reply.status) + " " + reason(reply.status) + "\r\n";
  out += "Content-Type: " + reply.type + "\r\nContent-Length: " + std::to_string(reply.body.size()) + "\r\n";
  out += "Connection: close\r\nCache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\n";
  if (reply.status == 401)
    out +=
        "WWW-Authenticate: Bearer\r\nWWW-Authenticate: Basic realm=\"kutils: the token is the password\"\r\n";
  if (reply.status == 405) out += "Allow: GET, HEAD\r\n";
  if (reply.status == 503) out += "Retry-After: 1\r\n";
  return out + "\r\n";
}

// Takes as long whatever `given` is.
bool is_same_secret(const std::string& given, const std::string& secret) {
  unsigned difference = given.size() == secret.size() ? 0 : 1;
  for (size_t i = 0; i < given.size(); ++i)
    difference |= static_cast<uint8_t>(given[i]) ^ static_cast<uint8_t>(secret[i % secret.size()]);
  return difference == 0;
}

bool is_ip(const std::string& host) {
  in6_addr bytes{};
  return inet_pton(AF_INET, host.c_str(), &bytes) == 1 || inet_pton(AF_INET6, host.c_str(), &bytes) == 1;
}
// Of this machine; clients on other machines cannot use it.
bool is_any_address(const std::string& host) { return host == "0.0.0.0" || host == "::"; }
struct Connection {
  enum class Phase { reading, waiting, writing, lingering } phase = Phase::reading;
  uint64_t id = 0;
  Socket socket;
  SteadyClock::time_point since, deadline;
  SteadyClock::time_point moved;  // when bytes of the answer were taken last
  std::string in;
  HttpHead head;
  std::string out_head, out_body;
  size_t sent = 0;
};

struct Job {
  uint64_t id = 0;
  HttpRequest request;
};

}  // namespace

bool is_loopback_host(const std::string& host) {
  return host == "localhost" || host == "::1" || (is_ip(host) && host.rfind("127.", 0) == 0);
}

bool is_host(const std::string& text) {
  return is_ip(text) || (text.find_first_of(":/[]@? ") == std::string::npos && host_name(text).has_value());
}

HttpAddress parse_advertised(const std::string& option, const std::string& text) {
  const bool is_name = is_host(text);
  const HttpAddress address = is_name ? HttpAddress{text, 0} : parse_http_address(option, text);
  if (!is_host(address.host) || is_any_address(address.host) || (!is_name && address.port == 0))
    throw usage_error(option + ": '" + text + "' is no address that another process can ask",
                      "HOST or HOST:PORT, as tables-1.example.org:8080");
  // The broker bounds what a commit can carry.
  if (to_string(address).size() > flow::kMaxServedAt)
    throw usage_error(option + ": '" + text + "' has more than " + std::to_string(flow::kMaxServedAt) +
                      " bytes");
  return address;
}

HttpAddress reachable_address(const HttpAddress& bound, const std::optional<HttpAddress>& advertised) {
  HttpAddress out = advertised.value_or(bound);
  if (out.port == 0) out.port = bound.port;
  char name[65] = {};  // HOST_NAME_MAX and the end
  if (is_any_address(out.host) && ::gethostname(name, sizeof name - 1) == 0) out.host = name;
  return out;
}

struct HttpServer::Impl {
  HttpAddress address;
  HttpRoutes routes;
  HttpAccess access;
  std::vector<std::string> hosts;  // in lower case
  Socket listener, wake_read, wake_write;
  std::vector<std::thread> threads;

  // Of the thread that polls.
  std::vector<std::unique_ptr<Connection>> connections;
  uint64_t last_id = 0;
  SteadyClock::time_point accepts_again{};

  std::mutex mutex;  // of all below
  std::condition_variable changed;
  std::deque<Job> jobs;
  std::vector<std::pair<uint64_t, HttpReply>> replies;
  size_t answer_bytes = 0;  // in replies and on their way to clients
  bool stops = false;

  void listen_on();
  void wake() { (void)!::write(wake_write.get(), "", 1); }
  void handle();
  void serve();
  void accept_all();
  bool make_room();
  void read_some(Connection& one);
  void decide(Connection& one);
  void answer(Connection& one, HttpReply reply);
  void write_some(Connection& one);
  void drop(Connection& one);
  void take_replies();
  std::optional<HttpReply> refuse(const HttpHead& head) const;
  HttpReply run_handler(const HttpRequest& request) const;
};

void HttpServer::Impl::listen_on() {
  std::string why;
  const Addresses found = resolve(address, true, why);
  for (const addrinfo* at = found.get(); at != nullptr && !listener; at = at->ai_next) {
    Socket socket(::socket(at->ai_family, at->ai_socktype | SOCK_NONBLOCK | SOCK_CLOEXEC, at->ai_protocol));
    const int yes = 1;
    // Not SO_REUSEPORT, which would let two processes listen on one port.
    if (socket) ::setsockopt(socket.get(), SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    if (socket && ::bind(socket.get(), at->ai_addr, at->ai_addrlen) == 0 && ::listen(socket.get(), 128) == 0)
      listener = std::move(socket);
    else
      why = std::strerror(errno);
  }
  if (!listener)
    throw usage_error("--http: cannot listen on " + to_string(address) + ": " + why,
                      "is another process listening there? 0 takes any free port");
  sockaddr_storage name{};
  socklen_t size = sizeof name;
  if (::getsockname(listener.get(), reinterpret_cast<sockaddr*>(&name), &size) == 0)
    address.port = ntohs(name.ss_family == AF_INET6 ? reinterpret_cast<sockaddr_in6*>(&name)->sin6_port
                                                    : reinterpret_cast<sockaddr_in*>(&name)->sin_port);
}

std::optional<HttpReply> HttpServer::Impl::refuse(const HttpHead& head) const {
  if (head.host) {
    const std::string& host = *head.host;
    // An address cannot be rebound, but on loopback nobody has reason to name another one.
    const bool is_ours = is_loopback_host(host) ||
                         std::find(hosts.begin(), hosts.end(), host) != hosts.end() ||
                         (is_ip(host) && !is_loopback_host(address.host));
    if (!is_ours)
      return HttpReply{403, HttpReply().type,
                       "the Host header names another host; --http-host NAME adds a name to this server\n"};
  }
  if (!access.token.empty() && !is_same_secret(head.bearer, access.token) &&
      !(routes.is_open && routes.is_open(head.request.path)))
    return HttpReply{401, HttpReply().type, "the token is missing or wrong\nAuthorization: Bearer TOKEN\n"};
  return std::nullopt;
}

HttpReply HttpServer::Impl::run_handler(const HttpRequest& request) const {
  HttpReply reply;
  try {
    if (routes.handler) return routes.handler(request);
    reply.status = 404;
  } catch (const Error& error) {
    reply.status = error.code() == ExitCode::usage ? 400 : 500;
    reply.body = std::string(error.what()) + (error.hint().empty() ? "" : "\n" + error.hint()) + "\n";
  } catch (const std::exception& error) {
    reply.status = 500;
    reply.body = std::string(error.what()) + "\n";
  }
  return reply;
}

void HttpServer::Impl::handle() {
  std::unique_lock lock(mutex);
  while (true) {
    changed.wait(lock, [this] { return stops || (!jobs.empty() && answer_bytes < kMostAnswerBytes); });
    if (stops) return;
    const Job job = std::move(jobs.front());
    jobs.pop_front();
    lock.unlock();
    HttpReply reply = run_handler(job.request);
    lock.lock();
    answer_bytes += reply.body.size();
    replies.emplace_back(job.id, std::move(reply));
    wake();
  }
}

void HttpServer::Impl::drop(Connection& one) {
  if (!one.out_body.empty()) {
    const std::lock_guard lock(mutex);
    answer_bytes -= std::min(answer_bytes, one.out_body.size());
    changed.notify_all();
  }
  one.out_body = {};
  one.socket = Socket();
}

void HttpServer::Impl::take_replies() {
  std::vector<std::pair<uint64_t, HttpReply>> ready;
  {
    const std::lock_guard lock(mutex);
    ready.swap(replies);
    for (const auto& [id, reply] : ready) answer_bytes -= std::min(answer_bytes, reply.body.size());
    changed.notify_all();
  }
  for (auto& [id, reply] : ready) {
    const uint64_t wanted = id;
    const auto found = std::find_if(connections.begin(), connections.end(),
                                    [&](const auto& one) { return one->id == wanted; });
    if (found != connections.end() && (*found)->socket) answer(**found, std::move(reply));
  }
}

void HttpServer::Impl::answer(Connection& one, HttpReply reply) {
  one.out_head = head_of(reply);
  if (!one.head.is_head) one.out_body = std::move(reply.body);
  one.in = {};
  if (!one.out_body.empty()) {
    const std::lock_guard lock(mutex);
    answer_bytes += one.out_body.size();
  }
  one.phase = Connection::Phase::writing;
  one.since = SteadyClock::now();
  one.deadline = one.moved = one.since;
  one.deadline += kStallLimit;
  write_some(one);
}

void HttpServer::Impl::write_some(Connection& one) {
  const size_t all = one.out_head.size() + one.out_body.size();
  while (one.sent < all) {
    const bool in_head = one.sent < one.out_head.size();
    const std::string& part = in_head ? one.out_head : one.out_body;
    const size_t from = in_head ? one.sent : one.sent - one.out_head.size();
    const ssize_t n = ::send(one.socket.get(), part.data() + from, part.size() - from, MSG_NOSIGNAL);
    if (n < 0) {
      if (errno == EINTR) continue;
      if (errno != EAGAIN && errno != EWOULDBLOCK) return drop(one);
      one.deadline = std::min(
          one.moved + kStallLimit,
          one.since + kStallLimit + milliseconds(static_cast<int64_t>(one.sent) / kSlowestBytesPerMs));
      return;
    }
    one.moved = SteadyClock::now();
    one.sent += static_cast<size_t>(n);
  }
  // Closed with unread bytes, the client would get a reset, perhaps before it has read the answer.
  ::shutdown(one.socket.get(), SHUT_WR);
  if (!one.out_body.empty()) {
    const std::lock_guard lock(mutex);
    answer_bytes -= std::min(answer_bytes, one.out_body.size());
    changed.notify_all();
  }
  one.out_body = {};
  one.phase = Connection::Phase::lingering;
  one.deadline = SteadyClock::now() + kLingerLimit;
}

// One piece a turn, so that nobody who sends without end keeps the others waiting.
void HttpServer::Impl::read_some(Connection& one) {
  char buffer[16 * 1024];
  const ssize_t n = ::recv(one.socket.get(), buffer, sizeof buffer, 0);
  if (n < 0 && (errno == EINTR || errno == EAGAIN || errno == EWOULDBLOCK)) return;
  // Of a client that said all and waits for its answer, nothing more is expected.
  if (n <= 0) return one.phase == Connection::Phase::waiting ? void() : drop(one);
  if (one.phase == Connection::Phase::lingering) return;
  one.in.append(buffer, static_cast<size_t>(n));
  decide(one);
}

void HttpServer::Impl::decide(Connection& one) {
  HeadResult result = read_head(one.in);
  if (result.refusal) return answer(one, std::move(*result.refusal));
  if (!result.is_complete) return;
  one.head = std::move(result.head);
  one.in = {};
  if (auto refusal = refuse(one.head)) return answer(one, std::move(*refusal));
  if (routes.quick) {
    if (auto reply = routes.quick(one.head.request)) return answer(one, std::move(*reply));
  }
  size_t waiting = 0;
  for (const auto& other : connections) waiting += other->phase == Connection::Phase::waiting ? 1 : 0;
  if (waiting >= kMostWaiting)
    return answer(one, {503, HttpReply().type, "too many requests at a time\ntry again in a moment\n"});
  one.phase = Connection::Phase::waiting;
  const std::lock_guard lock(mutex);
  jobs.push_back({one.id, one.head.request});
  changed.notify_one();
}

// Whoever said least for longest gives way; never one whose request is being worked on.
bool HttpServer::Impl::make_room() {
  if (connections.size() < kMostConnections) return true;
  const auto rank = [](const Connection& one) {
    return one.phase == Connection::Phase::lingering ? 0 : one.phase == Connection::Phase::reading ? 1 : 2;
  };
  auto victim = connections.end();
  for (auto it = connections.begin(); it != connections.end(); ++it) {
    if ((*it)->phase == Connection::Phase::waiting) continue;
    if (victim == connections.end() ||
        std::pair(rank(**it), (*it)->since) < std::pair(rank(**victim), (*victim)->since))
      victim = it;
  }
  if (victim == connections.end()) return false;
  drop(**victim);
  connections.erase(victim);
  return true;
}

void HttpServer::Impl::accept_all() {
  // As many as there is place for; then those that are there get their turn.
  for (size_t i = 0; i < kMostConnections / 2; ++i) {
    Socket socket(::accept4(listener.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (!socket) {
      if (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS) {
        accepts_again = SteadyClock::now() + kNoDescriptorPause;
        for (const auto& one : connections)
          if (one->phase == Connection::Phase::reading) drop(*one);
      }
      return;
    }
    if (!make_room()) continue;
    auto one = std::make_unique<Connection>();
    one->id = ++last_id;
    one->socket = std::move(socket);
    one->since = SteadyClock::now();
    one->deadline = one->since + kHeadLimit;
    connections.push_back(std::move(one));
    read_some(*connections.back());  // most have said it all by now
  }
}

void HttpServer::Impl::serve() {
  std::vector<pollfd> polled;
  while (true) {
    bool is_pressed = false;
    {
      const std::lock_guard lock(mutex);
      if (stops) return;
      is_pressed = !jobs.empty() && answer_bytes >= kMostAnswerBytes;
    }
    const auto now = SteadyClock::now();
    for (const auto& one : connections) {
      if (!one->socket || one->phase == Connection::Phase::waiting) continue;
      const bool stalls =
          is_pressed && one->phase == Connection::Phase::writing && now - one->moved >= kStallLimitPressed;
      if (stalls || one->deadline <= now) drop(*one);
    }
    connections.erase(
        std::remove_if(connections.begin(), connections.end(), [](const auto& one) { return !one->socket; }),
        connections.end());

    polled.clear();
    polled.push_back({wake_read.get(), POLLIN, 0});
    polled.push_back({now < accepts_again ? -1 : listener.get(), POLLIN, 0});
    milliseconds wait = now < accepts_again ? kNoDescriptorPause : milliseconds(60'000);
    if (is_pressed) wait = std::min(wait, kStallLimitPressed);
    for (const auto& one : connections) {
      const bool waits = one->phase == Connection::Phase::waiting;
      const short events = one->phase == Connection::Phase::writing ? POLLOUT : POLLIN;
      polled.push_back({waits ? -1 : one->socket.get(), events, 0});
      if (!waits)
        wait =
            std::min(wait, std::chrono::duration_cast<milliseconds>(one->deadline - now) + milliseconds(1));
    }
    if (::poll(polled.data(), polled.size(), static_cast<int>(std::max<int64_t>(0, wait.count()))) < 0 &&
        errno != EINTR) {
      std::this_thread::sleep_for(kNoDescriptorPause);  // no memory: nothing that could be said to anybody
      continue;
    }
    if (polled[0].revents != 0) {
      char bytes[64];
      (void)!::read(wake_read.get(), bytes, sizeof bytes);
    }
    for (size_t i = 0; i + 2 < polled.size(); ++i) {
      if (polled[i + 2].revents == 0) continue;
      Connection& one = *connections[i];
      if (one.phase == Connection::Phase::writing)
        write_some(one);
      else
        read_some(one);
    }
    take_replies();
    if (polled[1].revents != 0) accept_all();
  }
}

HttpServer::HttpServer(const HttpAddress& address, HttpRoutes routes, HttpAccess access)
    : impl_(std::make_unique<Impl>()) {
  impl_->address = address;
  impl_->routes = std::move(routes);
  impl_->access = std::move(access);
  impl_->listen_on();
  const auto add_host = [this](const std::string& name) {
    const bool is_v6 = name.find(':') != std::string::npos;
    if (auto host = host_name(is_v6 ? "[" + name + "]" : name)) impl_->hosts.push_back(std::move(*host));
  };
  impl_->access.hosts.push_back(address.host);
  if (impl_->access.advertised) impl_->access.hosts.push_back(impl_->access.advertised->host);
  for (const std::string& host : impl_->access.hosts) add_host(host);
  char name[256] = {};
  if (::gethostname(name, sizeof name - 1) == 0) add_host(name);
  int ends[2];
  if (::pipe2(ends, O_NONBLOCK | O_CLOEXEC) != 0)
    throw Error(ExitCode::delivery, std::string("--http: cannot make a pipe: ") + std::strerror(errno));
  impl_->wake_read = Socket(ends[0]);
  impl_->wake_write = Socket(ends[1]);
  const SignalsBlocked blocked;
  impl_->threads.emplace_back([impl = impl_.get()] { impl->serve(); });
  for (int i = 0; i < kHandlers; ++i) impl_->threads.emplace_back([impl = impl_.get()] { impl->handle(); });
}

HttpServer::~HttpServer() {
  {
    const std::lock_guard lock(impl_->mutex);
    impl_->stops = true;
    impl_->changed.notify_all();
  }
  impl_->wake();
  for (std::thread& thread : impl_->threads) thread.join();
}

const HttpAddress& HttpServer::address() const { return impl_->address; }

}  // namespace kutils::serve
