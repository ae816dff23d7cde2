// kcat's -f: tokens in a text, plus `%{EXPR}`. Nothing is written behind a record that the text does not say.
#pragma once

#include <memory>
#include <span>

#include "io/line_format.h"

namespace kutils::io {

struct TemplateToken {
  std::string_view letter;
  std::string_view doc;
};
std::span<const TemplateToken> template_tokens();  // for --help

// Throws usage_error: unknown token or escape, `%{` without its end, an expression that does not compile.
std::unique_ptr<LineWriter> make_template_writer(const LineFormat& format);

}  // namespace kutils::io
