// The head of an HTTP request, as far as a server of a few GET routes needs it. Pure: bytes in, a request
// out.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "serve/http.h"

namespace kutils::serve {

// What a request may be at most. A list of keys lies in the target, so that has the largest part.
constexpr size_t kMostHeadBytes = size_t{64} << 10;
constexpr size_t kMostTargetBytes = size_t{32} << 10;
constexpr size_t kMostLineBytes = size_t{8} << 10;
constexpr size_t kMostHeaderLines = 100;

struct HttpHead {
  HttpRequest request;
  bool is_head = false;             // HEAD: no body is sent
  std::optional<std::string> host;  // without port and brackets, in lower case
  std::string bearer;               // of Authorization: Bearer, or the password of Basic; empty: none
};

struct HeadResult {
  bool is_complete = false;  // false: more bytes are needed, unless there is a refusal
  HttpHead head;
  std::optional<HttpReply> refusal;  // what to answer instead; the connection ends with it
};

// Reads the head at the begin of `bytes`; what follows it is ignored. Refuses as soon as it can be seen that
// the request is too large, no GET or HEAD, or no HTTP/1.
HeadResult read_head(std::string_view bytes);

// `NAME`, `NAME:PORT`, `[V6]:PORT` as in a Host header: the name in lower case. nullopt: it is none.
std::optional<std::string> host_name(std::string_view host);

// %XX, and '+' as a space if `is_query`. nullopt: a '%' without two hex digits.
std::optional<std::string> percent_decoded(std::string_view text, bool is_query);

}  // namespace kutils::serve
