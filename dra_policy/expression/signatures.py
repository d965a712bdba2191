"""The functions of the environment for devices, as data: name, argument types, result, overload id.

These are all overloads of a Kubernetes 1.37 cluster (rule D5), those too that only expanded macros call, and those for
authorization, whose variable a device expression does not have. A leading dot marks a method, whose first type is that
of its target. `<A>` is a type variable. The order within a name counts, as in cel-go: the first
overload that fits binds the type variables.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from dra_policy.expression.types import Type, parse_type, parse_types

SIGNATURES = """
!_ (bool) -> bool = logical_not
-_ (double) -> double = negate_double
-_ (int) -> int = negate_int64
@in (<A>, list(<A>)) -> bool = in_list
@in (<A>, map(<A>, <B>)) -> bool = in_map
_!=_ (<A>, <A>) -> bool = not_equals
_%_ (int, int) -> int = modulo_int64
_%_ (uint, uint) -> uint = modulo_uint64
_&&_ (bool, bool) -> bool = logical_and
_*_ (double, double) -> double = multiply_double
_*_ (int, int) -> int = multiply_int64
_*_ (uint, uint) -> uint = multiply_uint64
_+_ (bytes, bytes) -> bytes = add_bytes
_+_ (double, double) -> double = add_double
_+_ (google.protobuf.Duration, google.protobuf.Duration) -> google.protobuf.Duration = add_duration_duration
_+_ (google.protobuf.Duration, google.protobuf.Timestamp) -> google.protobuf.Timestamp = add_duration_timestamp
_+_ (google.protobuf.Timestamp, google.protobuf.Duration) -> google.protobuf.Timestamp = add_timestamp_duration
_+_ (int, int) -> int = add_int64
_+_ (list(<A>), list(<A>)) -> list(<A>) = add_list
_+_ (string, string) -> string = add_string
_+_ (uint, uint) -> uint = add_uint64
_-_ (double, double) -> double = subtract_double
_-_ (google.protobuf.Duration, google.protobuf.Duration) -> google.protobuf.Duration = subtract_duration_duration
_-_ (int, int) -> int = subtract_int64
_-_ (google.protobuf.Timestamp, google.protobuf.Duration) -> google.protobuf.Timestamp = subtract_timestamp_duration
_-_ (google.protobuf.Timestamp, google.protobuf.Timestamp) -> google.protobuf.Duration = subtract_timestamp_timestamp
_-_ (uint, uint) -> uint = subtract_uint64
_/_ (double, double) -> double = divide_double
_/_ (int, int) -> int = divide_int64
_/_ (uint, uint) -> uint = divide_uint64
_<=_ (bool, bool) -> bool = less_equals_bool
_<=_ (int, int) -> bool = less_equals_int64
_<=_ (int, double) -> bool = less_equals_int64_double
_<=_ (int, uint) -> bool = less_equals_int64_uint64
_<=_ (uint, uint) -> bool = less_equals_uint64
_<=_ (uint, double) -> bool = less_equals_uint64_double
_<=_ (uint, int) -> bool = less_equals_uint64_int64
_<=_ (double, double) -> bool = less_equals_double
_<=_ (double, int) -> bool = less_equals_double_int64
_<=_ (double, uint) -> bool = less_equals_double_uint64
_<=_ (string, string) -> bool = less_equals_string
_<=_ (bytes, bytes) -> bool = less_equals_bytes
_<=_ (google.protobuf.Timestamp, google.protobuf.Timestamp) -> bool = less_equals_timestamp
_<=_ (google.protobuf.Duration, google.protobuf.Duration) -> bool = less_equals_duration
_<_ (bool, bool) -> bool = less_bool
_<_ (int, int) -> bool = less_int64
_<_ (int, double) -> bool = less_int64_double
_<_ (int, uint) -> bool = less_int64_uint64
_<_ (uint, uint) -> bool = less_uint64
_<_ (uint, double) -> bool = less_uint64_double
_<_ (uint, int) -> bool = less_uint64_int64
_<_ (double, double) -> bool = less_double
_<_ (double, int) -> bool = less_double_int64
_<_ (double, uint) -> bool = less_double_uint64
_<_ (string, string) -> bool = less_string
_<_ (bytes, bytes) -> bool = less_bytes
_<_ (google.protobuf.Timestamp, google.protobuf.Timestamp) -> bool = less_timestamp
_<_ (google.protobuf.Duration, google.protobuf.Duration) -> bool = less_duration
_==_ (<A>, <A>) -> bool = equals
_>=_ (bool, bool) -> bool = greater_equals_bool
_>=_ (int, int) -> bool = greater_equals_int64
_>=_ (int, double) -> bool = greater_equals_int64_double
_>=_ (int, uint) -> bool = greater_equals_int64_uint64
_>=_ (uint, uint) -> bool = greater_equals_uint64
_>=_ (uint, double) -> bool = greater_equals_uint64_double
_>=_ (uint, int) -> bool = greater_equals_uint64_int64
_>=_ (double, double) -> bool = greater_equals_double
_>=_ (double, int) -> bool = greater_equals_double_int64
_>=_ (double, uint) -> bool = greater_equals_double_uint64
_>=_ (string, string) -> bool = greater_equals_string
_>=_ (bytes, bytes) -> bool = greater_equals_bytes
_>=_ (google.protobuf.Timestamp, google.protobuf.Timestamp) -> bool = greater_equals_timestamp
_>=_ (google.protobuf.Duration, google.protobuf.Duration) -> bool = greater_equals_duration
_>_ (bool, bool) -> bool = greater_bool
_>_ (int, int) -> bool = greater_int64
_>_ (int, double) -> bool = greater_int64_double
_>_ (int, uint) -> bool = greater_int64_uint64
_>_ (uint, uint) -> bool = greater_uint64
_>_ (uint, double) -> bool = greater_uint64_double
_>_ (uint, int) -> bool = greater_uint64_int64
_>_ (double, double) -> bool = greater_double
_>_ (double, int) -> bool = greater_double_int64
_>_ (double, uint) -> bool = greater_double_uint64
_>_ (string, string) -> bool = greater_string
_>_ (bytes, bytes) -> bool = greater_bytes
_>_ (google.protobuf.Timestamp, google.protobuf.Timestamp) -> bool = greater_timestamp
_>_ (google.protobuf.Duration, google.protobuf.Duration) -> bool = greater_duration
_?_:_ (bool, <A>, <A>) -> <A> = conditional
_[?_] (list(<V>), int) -> optional_type(<V>) = list_optindex_optional_int
_[?_] (optional_type(list(<V>)), int) -> optional_type(<V>) = optional_list_optindex_optional_int
_[?_] (map(<K>, <V>), <K>) -> optional_type(<V>) = map_optindex_optional_value
_[?_] (optional_type(map(<K>, <V>)), <K>) -> optional_type(<V>) = optional_map_optindex_optional_value
_[_] (list(<A>), int) -> <A> = index_list
_[_] (map(<A>, <B>), <A>) -> <B> = index_map
_[_] (optional_type(list(<V>)), int) -> optional_type(<V>) = optional_list_index_int
_[_] (optional_type(map(<K>, <V>)), <K>) -> optional_type(<V>) = optional_map_index_value
_||_ (bool, bool) -> bool = logical_or
.add (kubernetes.Quantity, kubernetes.Quantity) -> kubernetes.Quantity = quantity_add
.add (kubernetes.Quantity, int) -> kubernetes.Quantity = quantity_add_int
.asApproximateFloat (kubernetes.Quantity) -> double = quantity_get_float
.asInteger (kubernetes.Quantity) -> int = quantity_get_int
bool (bool) -> bool = bool_to_bool
bool (string) -> bool = string_to_bool
bytes (bytes) -> bytes = bytes_to_bytes
bytes (string) -> bytes = string_to_bytes
.charAt (string, int) -> string = string_char_at_int
cidr (string) -> net.CIDR = string_to_cidr
.compareTo (kubernetes.Quantity, kubernetes.Quantity) -> int = quantity_compare_to
.compareTo (kubernetes.Semver, kubernetes.Semver) -> int = semver_compare_to
.contains (string, string) -> bool = contains_string
.containsCIDR (net.CIDR, string) -> bool = cidr_contains_cidr_string
.containsCIDR (net.CIDR, net.CIDR) -> bool = cidr_contains_cidr
.containsIP (net.CIDR, string) -> bool = cidr_contains_ip_string
.containsIP (net.CIDR, net.IP) -> bool = cidr_contains_ip_ip
.distinct (list(<T>)) -> list(<T>) = list_distinct
double (double) -> double = double_to_double
double (int) -> double = int64_to_double
double (string) -> double = string_to_double
double (uint) -> double = uint64_to_double
duration (google.protobuf.Duration) -> google.protobuf.Duration = duration_to_duration
duration (string) -> google.protobuf.Duration = string_to_duration
dyn (<A>) -> dyn = to_dyn
.endsWith (string, string) -> bool = ends_with_string
.family (net.IP) -> int = ip_family
.find (string, string) -> string = string_find_string
.findAll (string, string) -> list(string) = string_find_all_string
.findAll (string, string, int) -> list(string) = string_find_all_string_int
.first (list(<V>)) -> optional_type(<V>) = list_first
.flatten (list(list(<T>))) -> list(<T>) = list_flatten
.flatten (list(dyn), int) -> list(dyn) = list_flatten_int
.format (string, list(dyn)) -> string = string_format
format.byte () -> kubernetes.NamedFormat = format.byte
format.date () -> kubernetes.NamedFormat = format.date
format.datetime () -> kubernetes.NamedFormat = format.datetime
format.dns1035Label () -> kubernetes.NamedFormat = format.dns1035Label
format.dns1035LabelPrefix () -> kubernetes.NamedFormat = format.dns1035LabelPrefix
format.dns1123Label () -> kubernetes.NamedFormat = format.dns1123Label
format.dns1123LabelPrefix () -> kubernetes.NamedFormat = format.dns1123LabelPrefix
format.dns1123Subdomain () -> kubernetes.NamedFormat = format.dns1123Subdomain
format.dns1123SubdomainPrefix () -> kubernetes.NamedFormat = format.dns1123SubdomainPrefix
format.labelValue () -> kubernetes.NamedFormat = format.labelValue
format.named (string) -> optional_type(kubernetes.NamedFormat) = format-named
format.qualifiedName () -> kubernetes.NamedFormat = format.qualifiedName
format.uri () -> kubernetes.NamedFormat = format.uri
format.uuid () -> kubernetes.NamedFormat = format.uuid
.getDate (google.protobuf.Timestamp) -> int = timestamp_to_day_of_month_1_based
.getDate (google.protobuf.Timestamp, string) -> int = timestamp_to_day_of_month_1_based_with_tz
.getDayOfMonth (google.protobuf.Timestamp) -> int = timestamp_to_day_of_month
.getDayOfMonth (google.protobuf.Timestamp, string) -> int = timestamp_to_day_of_month_with_tz
.getDayOfWeek (google.protobuf.Timestamp) -> int = timestamp_to_day_of_week
.getDayOfWeek (google.protobuf.Timestamp, string) -> int = timestamp_to_day_of_week_with_tz
.getDayOfYear (google.protobuf.Timestamp) -> int = timestamp_to_day_of_year
.getDayOfYear (google.protobuf.Timestamp, string) -> int = timestamp_to_day_of_year_with_tz
.getEscapedPath (kubernetes.URL) -> string = url_get_escaped_path
.getFullYear (google.protobuf.Timestamp) -> int = timestamp_to_year
.getFullYear (google.protobuf.Timestamp, string) -> int = timestamp_to_year_with_tz
.getHost (kubernetes.URL) -> string = url_get_host
.getHostname (kubernetes.URL) -> string = url_get_hostname
.getHours (google.protobuf.Timestamp) -> int = timestamp_to_hours
.getHours (google.protobuf.Timestamp, string) -> int = timestamp_to_hours_with_tz
.getHours (google.protobuf.Duration) -> int = duration_to_hours
.getMilliseconds (google.protobuf.Timestamp) -> int = timestamp_to_milliseconds
.getMilliseconds (google.protobuf.Timestamp, string) -> int = timestamp_to_milliseconds_with_tz
.getMilliseconds (google.protobuf.Duration) -> int = duration_to_milliseconds
.getMinutes (google.protobuf.Timestamp) -> int = timestamp_to_minutes
.getMinutes (google.protobuf.Timestamp, string) -> int = timestamp_to_minutes_with_tz
.getMinutes (google.protobuf.Duration) -> int = duration_to_minutes
.getMonth (google.protobuf.Timestamp) -> int = timestamp_to_month
.getMonth (google.protobuf.Timestamp, string) -> int = timestamp_to_month_with_tz
.getPort (kubernetes.URL) -> string = url_get_port
.getQuery (kubernetes.URL) -> map(string, list(string)) = url_get_query
.getScheme (kubernetes.URL) -> string = url_get_scheme
.getSeconds (google.protobuf.Timestamp) -> int = timestamp_to_seconds
.getSeconds (google.protobuf.Timestamp, string) -> int = timestamp_to_seconds_tz
.getSeconds (google.protobuf.Duration) -> int = duration_to_seconds
.hasValue (optional_type(<V>)) -> bool = optional_hasValue
.includes (dyn, dyn) -> bool = list_includes_dyn_dyn
.indexOf (string, string) -> int = string_index_of_string
.indexOf (string, string, int) -> int = string_index_of_string_int
.indexOf (list(<A>), <A>) -> int = list_a_index_of_int
int (int) -> int = int64_to_int64
int (double) -> int = double_to_int64
int (google.protobuf.Duration) -> int = duration_to_int64
int (string) -> int = string_to_int64
int (google.protobuf.Timestamp) -> int = timestamp_to_int64
int (uint) -> int = uint64_to_int64
ip (string) -> net.IP = string_to_ip
.ip (net.CIDR) -> net.IP = cidr_ip
ip.isCanonical (string) -> bool = ip_is_canonical
isCIDR (string) -> bool = is_cidr
.isGlobalUnicast (net.IP) -> bool = ip_is_global_unicast
.isGreaterThan (kubernetes.Quantity, kubernetes.Quantity) -> bool = quantity_is_greater_than
.isGreaterThan (kubernetes.Semver, kubernetes.Semver) -> bool = semver_is_greater_than
.isInteger (kubernetes.Quantity) -> bool = quantity_is_integer
isIP (string) -> bool = is_ip
.isLessThan (kubernetes.Quantity, kubernetes.Quantity) -> bool = quantity_is_less_than
.isLessThan (kubernetes.Semver, kubernetes.Semver) -> bool = semver_is_less_than
.isLinkLocalMulticast (net.IP) -> bool = ip_is_link_local_multicast
.isLinkLocalUnicast (net.IP) -> bool = ip_is_link_local_unicast
.isLoopback (net.IP) -> bool = ip_is_loopback
isQuantity (string) -> bool = is_quantity_string
isSemver (string) -> bool = is_semver_string
isSemver (string, bool) -> bool = is_semver_string_bool
.isSorted (list(int)) -> bool = list_int_is_sorted_bool
.isSorted (list(uint)) -> bool = list_uint_is_sorted_bool
.isSorted (list(double)) -> bool = list_double_is_sorted_bool
.isSorted (list(bool)) -> bool = list_bool_is_sorted_bool
.isSorted (list(google.protobuf.Duration)) -> bool = list_duration_is_sorted_bool
.isSorted (list(google.protobuf.Timestamp)) -> bool = list_timestamp_is_sorted_bool
.isSorted (list(string)) -> bool = list_string_is_sorted_bool
.isSorted (list(bytes)) -> bool = list_bytes_is_sorted_bool
.isUnspecified (net.IP) -> bool = ip_is_unspecified
isURL (string) -> bool = is_url_string
.join (list(string)) -> string = list_join
.join (list(string), string) -> string = list_join_string
.last (list(<V>)) -> optional_type(<V>) = list_last
.lastIndexOf (string, string) -> int = string_last_index_of_string
.lastIndexOf (string, string, int) -> int = string_last_index_of_string_int
.lastIndexOf (list(<A>), <A>) -> int = list_a_last_index_of_int
lists.range (int) -> list(int) = lists_range
.lowerAscii (string) -> string = string_lower_ascii
.major (kubernetes.Semver) -> int = semver_major
.masked (net.CIDR) -> net.CIDR = cidr_masked
matches (string, string) -> bool = matches
.matches (string, string) -> bool = matches_string
.max (list(int)) -> int = list_int_max_int
.max (list(uint)) -> uint = list_uint_max_uint
.max (list(double)) -> double = list_double_max_double
.max (list(bool)) -> bool = list_bool_max_bool
.max (list(google.protobuf.Duration)) -> google.protobuf.Duration = list_duration_max_duration
.max (list(google.protobuf.Timestamp)) -> google.protobuf.Timestamp = list_timestamp_max_timestamp
.max (list(string)) -> string = list_string_max_string
.max (list(bytes)) -> bytes = list_bytes_max_bytes
.min (list(int)) -> int = list_int_min_int
.min (list(uint)) -> uint = list_uint_min_uint
.min (list(double)) -> double = list_double_min_double
.min (list(bool)) -> bool = list_bool_min_bool
.min (list(google.protobuf.Duration)) -> google.protobuf.Duration = list_duration_min_duration
.min (list(google.protobuf.Timestamp)) -> google.protobuf.Timestamp = list_timestamp_min_timestamp
.min (list(string)) -> string = list_string_min_string
.min (list(bytes)) -> bytes = list_bytes_min_bytes
.minor (kubernetes.Semver) -> int = semver_minor
optional.none () -> optional_type(<V>) = optional_none
optional.of (<V>) -> optional_type(<V>) = optional_of
optional.ofNonZeroValue (<V>) -> optional_type(<V>) = optional_ofNonZeroValue
optional.unwrap (list(optional_type(<V>))) -> list(<V>) = optional_unwrap
.or (optional_type(<V>), optional_type(<V>)) -> optional_type(<V>) = optional_or_optional
.orValue (optional_type(<V>), <V>) -> <V> = optional_orValue_value
.patch (kubernetes.Semver) -> int = semver_patch
.prefixLength (net.CIDR) -> int = cidr_prefix_length
quantity (string) -> kubernetes.Quantity = string_to_quantity
.replace (string, string, string) -> string = string_replace_string_string
.replace (string, string, string, int) -> string = string_replace_string_string_int
.reverse (list(<T>)) -> list(<T>) = list_reverse
semver (string) -> kubernetes.Semver = string_to_semver
semver (string, bool) -> kubernetes.Semver = string_bool_to_semver
sets.contains (list(<T>), list(<T>)) -> bool = list_sets_contains_list
sets.equivalent (list(<T>), list(<T>)) -> bool = list_sets_equivalent_list
sets.intersects (list(<T>), list(<T>)) -> bool = list_sets_intersects_list
sign (kubernetes.Quantity) -> int = quantity_sign
size (bytes) -> int = size_bytes
.size (bytes) -> int = bytes_size
size (list(<A>)) -> int = size_list
.size (list(<A>)) -> int = list_size
size (map(<A>, <B>)) -> int = size_map
.size (map(<A>, <B>)) -> int = map_size
size (string) -> int = size_string
.size (string) -> int = string_size
.slice (list(<T>), int, int) -> list(<T>) = list_slice
.sort (list(int)) -> list(int) = list_int_sort
.sort (list(uint)) -> list(uint) = list_uint_sort
.sort (list(double)) -> list(double) = list_double_sort
.sort (list(bool)) -> list(bool) = list_bool_sort
.sort (list(google.protobuf.Duration)) -> list(google.protobuf.Duration) = list_google.protobuf.Duration_sort
.sort (list(google.protobuf.Timestamp)) -> list(google.protobuf.Timestamp) = list_google.protobuf.Timestamp_sort
.sort (list(string)) -> list(string) = list_string_sort
.sort (list(bytes)) -> list(bytes) = list_bytes_sort
.split (string, string) -> list(string) = string_split_string
.split (string, string, int) -> list(string) = string_split_string_int
.startsWith (string, string) -> bool = starts_with_string
string (string) -> string = string_to_string
string (bool) -> string = bool_to_string
string (bytes) -> string = bytes_to_string
string (double) -> string = double_to_string
string (google.protobuf.Duration) -> string = duration_to_string
string (int) -> string = int64_to_string
string (google.protobuf.Timestamp) -> string = timestamp_to_string
string (uint) -> string = uint64_to_string
string (net.IP) -> string = ip_to_string
string (net.CIDR) -> string = cidr_to_string
strings.quote (string) -> string = strings_quote
.sub (kubernetes.Quantity, kubernetes.Quantity) -> kubernetes.Quantity = quantity_sub
.sub (kubernetes.Quantity, int) -> kubernetes.Quantity = quantity_sub_int
.substring (string, int) -> string = string_substring_int
.substring (string, int, int) -> string = string_substring_int_int
.sum (list(int)) -> int = list_int_sum_int
.sum (list(uint)) -> uint = list_uint_sum_uint
.sum (list(double)) -> double = list_double_sum_double
.sum (list(google.protobuf.Duration)) -> google.protobuf.Duration = list_duration_sum_duration
timestamp (google.protobuf.Timestamp) -> google.protobuf.Timestamp = timestamp_to_timestamp
timestamp (int) -> google.protobuf.Timestamp = int64_to_timestamp
timestamp (string) -> google.protobuf.Timestamp = string_to_timestamp
.trim (string) -> string = string_trim
type (<A>) -> type(<A>) = type
uint (uint) -> uint = uint64_to_uint64
uint (double) -> uint = double_to_uint64
uint (int) -> uint = int64_to_uint64
uint (string) -> uint = string_to_uint64
.unwrapOpt (list(optional_type(<V>))) -> list(<V>) = optional_unwrapOpt
.upperAscii (string) -> string = string_upper_ascii
url (string) -> kubernetes.URL = string_to_url
.validate (kubernetes.NamedFormat, string) -> optional_type(list(string)) = format-validate
.value (optional_type(<V>)) -> <V> = optional_value
@not_strictly_false (bool) -> bool = not_strictly_false
.@sortByAssociatedKeys (list(<T>), list(int)) -> list(<T>) = list_int_sortByAssociatedKeys
.@sortByAssociatedKeys (list(<T>), list(uint)) -> list(<T>) = list_uint_sortByAssociatedKeys
.@sortByAssociatedKeys (list(<T>), list(double)) -> list(<T>) = list_double_sortByAssociatedKeys
.@sortByAssociatedKeys (list(<T>), list(bool)) -> list(<T>) = list_bool_sortByAssociatedKeys
.@sortByAssociatedKeys (list(<T>), list(google.protobuf.Duration)) -> list(<T>) = list_google.protobuf.Duration_sortByAssociatedKeys
.@sortByAssociatedKeys (list(<T>), list(google.protobuf.Timestamp)) -> list(<T>) = list_google.protobuf.Timestamp_sortByAssociatedKeys
.@sortByAssociatedKeys (list(<T>), list(string)) -> list(<T>) = list_string_sortByAssociatedKeys
.@sortByAssociatedKeys (list(<T>), list(bytes)) -> list(<T>) = list_bytes_sortByAssociatedKeys
_?._ (dyn, string) -> optional_type(<V>) = select_optional_field
__not_strictly_false__ (bool) -> bool = __not_strictly_false__
_in_ (<A>, list(<A>)) -> bool = in_list
_in_ (<A>, map(<A>, <B>)) -> bool = in_map
in (<A>, list(<A>)) -> bool = in_list
in (<A>, map(<A>, <B>)) -> bool = in_map
cel.@mapInsert (map(<K>, <V>), <K>, <V>) -> map(<K>, <V>) = @mapInsert_map_key_value
cel.@mapInsert (map(<K>, <V>), map(<K>, <V>)) -> map(<K>, <V>) = @mapInsert_map_map
.allowed (kubernetes.authorization.Decision) -> bool = decision_allowed
.check (kubernetes.authorization.PathCheck, string) -> kubernetes.authorization.Decision = pathcheck_check
.check (kubernetes.authorization.ResourceCheck, string) -> kubernetes.authorization.Decision = resourcecheck_check
.error (kubernetes.authorization.Decision) -> string = decision_error
.errored (kubernetes.authorization.Decision) -> bool = decision_errored
.fieldSelector (kubernetes.authorization.ResourceCheck, string) -> kubernetes.authorization.ResourceCheck = authorizer_fieldselector
.group (kubernetes.authorization.Authorizer, string) -> kubernetes.authorization.GroupCheck = authorizer_group
.labelSelector (kubernetes.authorization.ResourceCheck, string) -> kubernetes.authorization.ResourceCheck = authorizer_labelselector
.name (kubernetes.authorization.ResourceCheck, string) -> kubernetes.authorization.ResourceCheck = resourcecheck_name
.namespace (kubernetes.authorization.ResourceCheck, string) -> kubernetes.authorization.ResourceCheck = resourcecheck_namespace
.path (kubernetes.authorization.Authorizer, string) -> kubernetes.authorization.PathCheck = authorizer_path
.reason (kubernetes.authorization.Decision) -> string = decision_reason
.resource (kubernetes.authorization.GroupCheck, string) -> kubernetes.authorization.ResourceCheck = groupcheck_resource
.serviceAccount (kubernetes.authorization.Authorizer, string, string) -> kubernetes.authorization.Authorizer = authorizer_serviceaccount
.subresource (kubernetes.authorization.ResourceCheck, string) -> kubernetes.authorization.ResourceCheck = resourcecheck_subresource
"""


@dataclass(frozen=True, slots=True)
class Overload:
    """One signature of a function."""

    id: str
    name: str
    method: bool
    parameters: tuple[Type, ...]
    result: Type
    generic: bool


def _by_name() -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for line in SIGNATURES.strip().splitlines():
        found.setdefault(line.split(" ", 1)[0].removeprefix("."), []).append(line)
    return found


_LINES = _by_name()
NAMES = frozenset(_LINES)
"""All function and operator names."""


@cache
def overloads(name: str) -> tuple[Overload, ...]:
    """The overloads of a name, none if it is not declared.

    >>> [str(o.result) for o in overloads("charAt")]
    ['string']
    """
    return tuple(map(_read, _LINES.get(name, ())))


def _read(line: str) -> Overload:
    written, rest = line.split(" (", 1)
    generic = "<" in rest
    types, rest = rest.split(") -> ", 1)
    result, identity = rest.split(" = ")
    name = written.removeprefix(".")
    return Overload(identity, name, name != written, parse_types(types), parse_type(result), generic)
