// The network functions that Kubernetes added to CEL: IP addresses and CIDR prefixes.
#include <arpa/inet.h>

#include <algorithm>
#include <charconv>
#include <cstring>
#include <optional>
#include <string>

#include "expr/registry.h"
#include "expr/text.h"

namespace kutils::expr {
namespace {

using Arguments = const Value*;

// Strict: no zones, no IPv4 in IPv6's clothes (as the original has it).
std::optional<AddressValue> parse_ip(std::string_view text) {
  if (text.size() >= INET6_ADDRSTRLEN) return std::nullopt;
  const std::string copy(text);
  AddressValue address;
  if (inet_pton(AF_INET, copy.c_str(), address.bytes) == 1) return address;
  address.family = 6;
  if (inet_pton(AF_INET6, copy.c_str(), address.bytes) != 1) return std::nullopt;
  constexpr unsigned char kMapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
  if (std::memcmp(address.bytes, kMapped, sizeof kMapped) == 0) return std::nullopt;
  return address;
}

unsigned width(const AddressValue& address) { return address.family == 4 ? 32 : 128; }

std::optional<AddressValue> parse_cidr(std::string_view text) {
  const size_t slash = text.find('/');
  if (slash == std::string_view::npos) return std::nullopt;
  auto address = parse_ip(text.substr(0, slash));
  const std::string_view digits = text.substr(slash + 1);
  if (!address || digits.empty() || (digits.size() > 1 && digits[0] == '0')) return std::nullopt;
  unsigned prefix = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), prefix);
  if (error != std::errc() || end != digits.data() + digits.size() || prefix > width(*address))
    return std::nullopt;
  address->prefix = static_cast<uint8_t>(prefix);
  return address;
}

AddressValue masked(AddressValue address) {
  for (unsigned i = 0; i < 16; ++i) {
    const unsigned bits = address.prefix > 8 * i ? std::min(8U, address.prefix - 8 * i) : 0;
    address.bytes[i] = static_cast<uint8_t>(address.bytes[i] & (0xff00U >> bits));
  }
  return address;
}

bool contains(const AddressValue& net, AddressValue address) {
  if (net.family != address.family) return false;
  address.prefix = net.prefix;
  return std::memcmp(masked(net).bytes, masked(address).bytes, 16) == 0;
}

Value not_an(Context& context, std::string_view what, std::string_view text) {
  return context.fail("'" + shortened(text) + "' is no " + std::string(what));
}

Value to_ip(Context& context, Arguments a, size_t) {
  if (a[0].kind() == Kind::ip) return a[0];
  if (a[0].kind() == Kind::cidr) {
    AddressValue address = a[0].as_address();
    address.prefix = 0;
    return context.address(Kind::ip, address);
  }
  const auto address = parse_ip(a[0].as_string());
  return address ? context.address(Kind::ip, *address) : not_an(context, "IP address", a[0].as_string());
}
Value is_ip(Context&, Arguments a, size_t) { return Value::boolean(parse_ip(a[0].as_string()).has_value()); }
Value is_canonical(Context& context, Arguments a, size_t) {
  const auto address = parse_ip(a[0].as_string());
  if (!address) return not_an(context, "IP address", a[0].as_string());
  std::string text;
  append_address(context.address(Kind::ip, *address), text);
  return Value::boolean(text == a[0].as_string());
}
Value family(Context&, Arguments a, size_t) { return Value::integer(a[0].as_address().family); }

bool prefix_is(const AddressValue& address, std::string_view net) {
  return contains(*parse_cidr(net), address);
}
Value is_unspecified(Context&, Arguments a, size_t) {
  return Value::boolean(prefix_is(a[0].as_address(), "0.0.0.0/32") || prefix_is(a[0].as_address(), "::/128"));
}
Value is_loopback(Context&, Arguments a, size_t) {
  return Value::boolean(prefix_is(a[0].as_address(), "127.0.0.0/8") ||
                        prefix_is(a[0].as_address(), "::1/128"));
}
Value is_link_local_multicast(Context&, Arguments a, size_t) {
  const AddressValue& address = a[0].as_address();
  return Value::boolean(prefix_is(address, "224.0.0.0/24") ||
                        (address.family == 6 && address.bytes[0] == 0xff && (address.bytes[1] & 0x0f) == 2));
}
Value is_link_local_unicast(Context&, Arguments a, size_t) {
  return Value::boolean(prefix_is(a[0].as_address(), "169.254.0.0/16") ||
                        prefix_is(a[0].as_address(), "fe80::/10"));
}
Value is_global_unicast(Context& context, Arguments a, size_t n) {
  const AddressValue& address = a[0].as_address();
  const bool multicast = prefix_is(address, "224.0.0.0/4") || prefix_is(address, "ff00::/8");
  return Value::boolean(!multicast && !prefix_is(address, "255.255.255.255/32") &&
                        !is_unspecified(context, a, n).as_bool() && !is_loopback(context, a, n).as_bool() &&
                        !is_link_local_unicast(context, a, n).as_bool());
}

Value to_cidr(Context& context, Arguments a, size_t) {
  const auto address = parse_cidr(a[0].as_string());
  return address ? context.address(Kind::cidr, *address) : not_an(context, "CIDR prefix", a[0].as_string());
}
Value is_cidr(Context&, Arguments a, size_t) {
  return Value::boolean(parse_cidr(a[0].as_string()).has_value());
}
Value contains_ip(Context& context, Arguments a, size_t) {
  const Value ip = to_ip(context, a + 1, 1);
  return ip.is_error() ? ip : Value::boolean(contains(a[0].as_address(), ip.as_address()));
}
Value contains_cidr(Context& context, Arguments a, size_t n) {
  const Value other = a[1].kind() == Kind::cidr ? a[1] : to_cidr(context, a + 1, n);
  if (other.is_error()) return other;
  return Value::boolean(other.as_address().prefix >= a[0].as_address().prefix &&
                        contains(a[0].as_address(), other.as_address()));
}
Value mask(Context& context, Arguments a, size_t) {
  return context.address(Kind::cidr, masked(a[0].as_address()));
}
Value prefix_length(Context&, Arguments a, size_t) { return Value::integer(a[0].as_address().prefix); }
Value text_of(Context& context, Arguments a, size_t) {
  std::string out;
  append_address(a[0], out);
  return context.string(out);
}

}  // namespace

std::span<const Function> network_functions() {
  static const std::vector<Function> kTable = {
      {"ip",
       Form::function,
       {{kIp, {kString | kIp}, to_ip}},
       "ip(STRING) -> ip",
       "an IPv4 or IPv6 address",
       "ip('10.0.0.1') == ip('10.0.0.1')"},
      {"isIP",
       Form::function,
       {{kBool, {kString}, is_ip}},
       "isIP(STRING) -> bool",
       "whether the text is an address",
       "isIP('::1') && !isIP('10.0.0')"},
      {"ip.isCanonical",
       Form::function,
       {{kBool, {kString}, is_canonical}},
       "ip.isCanonical(STRING) -> bool",
       "whether the text is the canonical spelling of an address",
       "!ip.isCanonical('2001:DB8::1')"},
      {"family",
       Form::method,
       {{kInt, {kIp}, family}},
       "IP.family() -> int",
       "4 or 6",
       "ip('::1').family() == 6"},
      {"isUnspecified",
       Form::method,
       {{kBool, {kIp}, is_unspecified}},
       "IP.isUnspecified() -> bool",
       "0.0.0.0 or ::",
       "ip('0.0.0.0').isUnspecified()"},
      {"isLoopback",
       Form::method,
       {{kBool, {kIp}, is_loopback}},
       "IP.isLoopback() -> bool",
       "127.0.0.0/8 or ::1",
       "ip('127.0.0.1').isLoopback()"},
      {"isLinkLocalMulticast",
       Form::method,
       {{kBool, {kIp}, is_link_local_multicast}},
       "IP.isLinkLocalMulticast() -> bool",
       "224.0.0.0/24 or ff02::/16",
       "ip('ff02::1').isLinkLocalMulticast()"},
      {"isLinkLocalUnicast",
       Form::method,
       {{kBool, {kIp}, is_link_local_unicast}},
       "IP.isLinkLocalUnicast() -> bool",
       "169.254.0.0/16 or fe80::/10",
       "ip('fe80::1').isLinkLocalUnicast()"},
      {"isGlobalUnicast",
       Form::method,
       {{kBool, {kIp}, is_global_unicast}},
       "IP.isGlobalUnicast() -> bool",
       "an ordinary address of one host",
       "ip('192.168.0.1').isGlobalUnicast()"},
      {"cidr",
       Form::function,
       {{kCidr, {kString}, to_cidr}},
       "cidr(STRING) -> cidr",
       "a network prefix",
       "cidr('10.0.0.0/8').prefixLength() == 8"},
      {"isCIDR",
       Form::function,
       {{kBool, {kString}, is_cidr}},
       "isCIDR(STRING) -> bool",
       "whether the text is a network prefix",
       "!isCIDR('10.0.0.0/33')"},
      {"containsIP",
       Form::method,
       {{kBool, {kCidr, kIp | kString}, contains_ip}},
       "CIDR.containsIP(IP|STRING) -> bool",
       "whether the address lies in the network",
       "cidr('10.0.0.0/8').containsIP('10.1.2.3')"},
      {"containsCIDR",
       Form::method,
       {{kBool, {kCidr, kCidr | kString}, contains_cidr}},
       "CIDR.containsCIDR(CIDR|STRING) -> bool",
       "whether the other network lies in it",
       "cidr('10.0.0.0/8').containsCIDR('10.1.0.0/16')"},
      {"ip",
       Form::method,
       {{kIp, {kCidr}, to_ip}},
       "CIDR.ip() -> ip",
       "the address of a prefix, with the host's bits",
       "cidr('10.0.0.1/8').ip() == ip('10.0.0.1')"},
      {"masked",
       Form::method,
       {{kCidr, {kCidr}, mask}},
       "CIDR.masked() -> cidr",
       "the prefix with the host's bits cleared",
       "cidr('10.1.2.3/8').masked() == cidr('10.0.0.0/8')"},
      {"prefixLength",
       Form::method,
       {{kInt, {kCidr}, prefix_length}},
       "CIDR.prefixLength() -> int",
       "the length of a prefix in bits",
       "cidr('::1/128').prefixLength() == 128"},
      {"string",
       Form::function,
       {{kString, {kIp | kCidr}, text_of}},
       "string(IP|CIDR) -> string",
       "the text of an address or a prefix",
       "string(ip('::1')) == '::1'"},
  };
  return kTable;
}

}  // namespace kutils::expr
