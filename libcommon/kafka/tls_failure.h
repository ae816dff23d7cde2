// What a failed TLS handshake says: not "the broker is down", and not something that passes by itself.
#pragma once

#include <string>

#include "kafka/client.h"

namespace kutils::kafka {

// The handshake failed, or one of the two sides speaks TLS and the other does not.
bool is_tls_failure(const ClientEvents::Failure& failure);
// Its causes, and a command that tells them apart. REQUIRES: is_tls_failure(failure).
std::string tls_hint(const ClientEvents::Failure& failure, const ClientConfig& config);

}  // namespace kutils::kafka
