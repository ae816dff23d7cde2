#include "serve/http_head.h"

#include <algorithm>
#include <charconv>

#include "base/base64.h"
#include "base/trim.h"

namespace kutils::serve {
namespace {

constexpr std::string_view kBlanks = " \t";  // RFC 9110 allows no others around a value

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }
std::string lowered(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(), lower);
  return out;
}

HeadResult refuse(int status, const std::string& why) {
  HeadResult result;
  result.refusal = HttpReply{status, HttpReply().type, why + "\n"};
  return result;
}

// The next line, without its end; nullopt: it has not ended yet. `rest` begins behind it.
std::optional<std::string_view> next_line(std::string_view& rest) {
  const size_t end = rest.find('\n');
  if (end == std::string_view::npos) return std::nullopt;
  std::string_view line = rest.substr(0, end);
  rest.remove_prefix(end + 1);
  if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
  return line;
}

// False: not decodable.
bool read_target(std::string_view target, HttpRequest& request) {
  const size_t fragment = target.find('#');
  target = target.substr(0, fragment);
  const size_t mark = target.find('?');
  auto path = percent_decoded(target.substr(0, mark), false);
  if (!path) return false;
  request.path = std::move(*path);
  std::string_view query = mark == std::string_view::npos ? std::string_view() : target.substr(mark + 1);
  while (!query.empty()) {
    const size_t end = std::min(query.find('&'), query.size());
    const std::string_view pair = query.substr(0, end);
    query.remove_prefix(std::min(end + 1, query.size()));
    if (pair.empty()) continue;
    const size_t equals = pair.find('=');
    auto name = percent_decoded(pair.substr(0, equals), true);
    auto value = percent_decoded(
        equals == std::string_view::npos ? std::string_view() : pair.substr(equals + 1), true);
    if (!name || !value) return false;
    request.parameters.emplace(std::move(*name), std::move(*value));
  }
  return true;
}

}  // namespace

std::optional<std::string> percent_decoded(std::string_view text, bool is_query) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '+' && is_query) {
      out.push_back(' ');
    } else if (text[i] == '%') {
      unsigned byte = 0;
      if (text.size() - i < 3) return std::nullopt;
      const char* digits = text.data() + i + 1;
      const auto [end, error] = std::from_chars(digits, digits + 2, byte, 16);
      if (error != std::errc() || end != digits + 2) return std::nullopt;
      out.push_back(static_cast<char>(byte));
      i += 2;
    } else {
      out.push_back(text[i]);
    }
  }
  return out;
}

std::optional<std::string> host_name(std::string_view host) {
  std::string_view name = host;
  std::string_view port;
  if (!host.empty() && host.front() == '[') {
    const size_t close = host.find(']');
    if (close == std::string_view::npos) return std::nullopt;
    name = host.substr(1, close - 1);
    port = host.substr(close + 1);
  } else if (const size_t colon = host.find(':'); colon != std::string_view::npos) {
    name = host.substr(0, colon);
    port = host.substr(colon);
  }
  if (name.empty() || (!port.empty() && port.front() != ':')) return std::nullopt;
  if (port.size() > 6 || port.find_first_not_of("0123456789", 1) != std::string_view::npos)
    return std::nullopt;
  std::string out = lowered(name);
  if (out.size() > 1 && out.back() == '.') out.pop_back();  // the root's dot
  return out;
}

HeadResult read_head(std::string_view bytes) {
  std::string_view rest = bytes;
  const auto unfinished = [&] {
    if (bytes.size() >= kMostHeadBytes) return refuse(431, "the head of the request is too large");
    return HeadResult();
  };
  auto first = next_line(rest);
  if (first && first->empty()) first = next_line(rest);  // an empty line may come before
  if ((first ? first->size() : rest.size()) > kMostTargetBytes + 64)
    return refuse(414, "the address is too long: ask for fewer keys at a time");
  if (!first) return unfinished();

  HeadResult result;
  HttpHead& head = result.head;
  const size_t space = first->find(' ');
  const size_t last = first->rfind(' ');
  if (space == std::string_view::npos || last == space) return refuse(400, "this is not an HTTP request");
  const std::string_view method = first->substr(0, space);
  const std::string_view version = first->substr(last + 1);
  std::string_view target = first->substr(space + 1, last - space - 1);
  if (version != "HTTP/1.1" && version != "HTTP/1.0") return refuse(505, "this server speaks HTTP/1.1");
  if (method != "GET" && method != "HEAD") return refuse(405, "only GET is answered");
  head.is_head = method == "HEAD";
  // As a proxy is asked.
  if (lowered(target.substr(0, 7)) == "http://") {
    target.remove_prefix(7);
    const size_t slash = std::min(target.find('/'), target.size());
    head.host = host_name(target.substr(0, slash));
    if (!head.host) return refuse(400, "the address names no host");
    target.remove_prefix(slash);
  }
  if (target.empty() || target.front() != '/' || target.find(' ') != std::string_view::npos ||
      !read_target(target, head.request))
    return refuse(400, "the address is malformed");

  const bool host_is_in_target = head.host.has_value();
  size_t lines = 0, hosts = 0;
  while (true) {
    const auto line = next_line(rest);
    if ((line ? line->size() : rest.size()) > kMostLineBytes) return refuse(431, "a header line is too long");
    if (!line) return unfinished();
    if (line->empty()) break;
    if (++lines > kMostHeaderLines) return refuse(431, "the request has too many header lines");
    const size_t colon = line->find(':');
    if (colon == std::string_view::npos || colon == 0 || line->front() == ' ' || line->front() == '\t')
      return refuse(400, "a header line is malformed");
    const std::string name = lowered(line->substr(0, colon));
    const std::string_view value = trim(line->substr(colon + 1), kBlanks);
    if (name == "host") {
      ++hosts;
      if (host_is_in_target) continue;
      head.host = host_name(value);
      if (!head.host) return refuse(400, "the Host header names no host");
    } else if (name == "authorization") {
      constexpr std::string_view kBearer = "bearer ";
      if (lowered(value.substr(0, kBearer.size())) == kBearer)
        head.bearer = trim(value.substr(kBearer.size()), kBlanks);
      // What a browser sends when it has asked its user: the token is the password.
      constexpr std::string_view kBasic = "basic ";
      if (lowered(value.substr(0, kBasic.size())) == kBasic) {
        std::string both;
        if (append_from_base64(trim(value.substr(kBasic.size()), kBlanks), both)) continue;
        head.bearer = both.substr(std::min(both.find(':') + 1, both.size()));
      }
    } else if (name == "transfer-encoding" || (name == "content-length" && value != "0")) {
      return refuse(413, "a request with a body is not answered");
    }
  }
  if (hosts > 1) return refuse(400, "the request has several Host headers");
  if (hosts == 0 && !host_is_in_target && version == "HTTP/1.1")
    return refuse(400, "the request has no Host header");
  result.is_complete = true;
  return result;
}

}  // namespace kutils::serve
