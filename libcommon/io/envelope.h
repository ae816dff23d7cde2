// One JSON object per line with all that a record has, in the shape of kcat's -J:
//   {"topic":T,"partition":N,"offset":N,"tstype":"create","ts":MS,"headers":[NAME,VALUE,...],"key":K,"payload":V}
// key and payload are strings of the bytes, or null. Bytes that are not UTF-8 stand in base64 as `key_base64`
// and `payload_base64`, such header values as {"base64":...}. With `embed` a value that is JSON stands as
// itself in `value` instead of `payload`. All of these are read. Where it came from is written only for what
// came from a topic (or from an envelope that says so); other members (`broker`) are ignored.
#pragma once

#include <memory>

#include "io/line_format.h"

namespace kutils::io {

// How far a line looks like an envelope. `perhaps`: it has key and value, and no other members than envelopes have, which may
// be fields of a record as well. `surely`: it also says where it stands in a topic, as kread -J and kcat -J write it.
enum class LooksLikeEnvelope { no, perhaps, surely };
LooksLikeEnvelope looks_like_envelope(std::string_view line);

std::unique_ptr<LineParser> make_envelope_parser(const LineFormat& format);
std::unique_ptr<LineWriter> make_envelope_writer(const LineFormat& format);

}  // namespace kutils::io
