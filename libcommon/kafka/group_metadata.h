// Generation and member id of a consumer group's metadata. librdkafka 2.0.2 has no getters; its serialised
// form has both:
//   "CGMDv2:" generation (int32, host order) group id "\0" member id "\0" has-no-instance (1 byte) [instance
//   id "\0"]
// (rdkafka_cgrp.c, rd_kafka_consumer_group_metadata_write). The magic is checked: another form is an error,
// never a guess.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace kutils::kafka {

struct MemberIdentity {
  int32_t generation = -1;
  std::string member_id;
};

// nullopt: not this form.
std::optional<MemberIdentity> parse_group_metadata(std::string_view bytes);

}  // namespace kutils::kafka
