#include "model/scrub.hpp"

#include <algorithm>

#include "api/types.hpp"
#include "json/codec.hpp"
#include "reeve/types.hpp"

namespace reeve::model {

namespace {

using schema::Kind;
using schema::Type;

std::string parent_of(const std::string& path) {
  return path.substr(0, path.rfind('/'));
}

// The value, if it is of that type.
template <class T>
T* as(const Type& type, void* value) {
  return &type == &schema::type<T> ? static_cast<T*>(value) : nullptr;
}

void scrub_elements(const Type& list, void* value, Exits exits) {
  for (std::size_t i = 0; i < list.size(value); ++i)
    scrub(*list.element, const_cast<void*>(list.at(value, i)), exits);
}

void sort_elements(const Type& list, void* value) {
  std::vector<std::string> elements(list.size(value));
  for (std::size_t i = 0; i < elements.size(); ++i)
    json::encode(elements[i], *list.element, list.at(value, i));
  std::sort(elements.begin(), elements.end());
  list.clear(value);
  json::Parser parser;
  for (const auto& element : elements)
    if (!json::decode(parser.parse(element).value(), *list.element, list.append(value),
                      json::UnknownMembers::refused))
      std::abort();
}

}  // namespace

void scrub(const Type& type, void* value, Exits exits) {
  if (auto* timestamp = as<Timestamp>(type, value)) {
    *timestamp = {};
  } else if (auto* exit = as<Exit>(type, value); exit != nullptr && exits == Exits::happening) {
    *exit = {};
  } else if (auto* worker = as<Worker>(type, value)) {
    worker->usage.reset();
    worker->control_group = parent_of(worker->control_group);
  } else if (auto* entry = as<Entry>(type, value)) {
    entry->record.reset();
    entry->control_group = parent_of(entry->control_group);
  }
  if (type.kind == Kind::optional || type.kind == Kind::list) scrub_elements(type, value, exits);
  if (type.kind == Kind::list) sort_elements(type, value);
  for (const auto& member : type.members)
    scrub(*member.type, member.of(value), exits);
}

}  // namespace reeve::model
