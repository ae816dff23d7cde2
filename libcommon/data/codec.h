// How the bytes of a key or value stand for what expressions and lines show: --key-codec and --value-codec.
//
// A codec is a chain in encoding order: `json+base64` makes JSON and then base64 of it. The first link says
// what the decoded form is (JSON text, a string, raw bytes); later links turn bytes into bytes. Faust's
// spelling `binary|json`, outermost first, is accepted and means the same.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace kutils {

// What decode() gives and encode() takes.
enum class DecodedForm {
  json,    // JSON text; decode() does not check it (who reads its fields does), numbers come as JSON numbers
  string,  // UTF-8 text that is one string
  bytes,   // anything
};

// One line of the table of codecs: --help, the man page, completion and the parser all read it.
struct CodecLink {
  std::string_view name;
  std::string_view doc;
  DecodedForm form;
  bool only_first;  // makes values of bytes, so that it cannot stand later in a chain
  // From bytes to the decoded form, appended to `out`; and back. Null for the identity.
  std::optional<RecordError> (*decode)(std::string_view bytes, std::string& out);
  std::optional<RecordError> (*encode)(std::string_view decoded, std::string& out);
};
std::span<const CodecLink> codec_links();

// A parsed chain. Immutable: may be used by several threads.
class Codec {
 public:
  Codec();  // `json`
  // Throws usage_error naming `option` and the nearest right name.
  static Codec parse(std::string_view text, std::string_view option);

  DecodedForm form() const { return chain_.front()->form; }
  bool is_identity() const { return identity_; }

  // The result is `bytes` itself (identity) or a view into `scratch`. Reason::bad_codec.
  Result<std::string_view> decode(std::string_view bytes, std::string& scratch) const;
  Result<std::string_view> encode(std::string_view decoded, std::string& scratch) const;

  // The canonical spelling, for fingerprints and messages.
  std::string name() const;
  friend bool operator==(const Codec& a, const Codec& b) { return a.chain_ == b.chain_; }

 private:
  std::vector<const CodecLink*> chain_;  // in encoding order, never empty
  bool identity_ = true;
};

// `IN:OUT`, or one for both.
struct CodecPair {
  Codec in;
  Codec out;
};
CodecPair parse_codec_pair(std::string_view text, std::string_view option);

}  // namespace kutils
