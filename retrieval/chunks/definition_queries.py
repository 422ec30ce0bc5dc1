"""How definitions appear in the syntax tree of each language, as tree-sitter patterns.

A pattern captures a name under its kind (`@function`, `@class`, …) and the definition as `@whole`.
If two patterns capture the same name, the first in the query wins. The other captures:

    @value      a constant if written in capitals, else a variable
    @prototype  a function declared without a body
    @skip       looks like a definition but is not one, such as an import
    @members    its direct functions are methods
    @local      its direct values and prototypes are local, so they are not listed
    @wrapper    encloses a `@wrapped` definition and belongs to it: decorators, `export`, `template <…>`
    @_anything  used only by a `#predicate?`
"""

from collections.abc import Mapping

from retrieval.chunks.c_queries import CPP, C

_BASH = """
(command (variable_assignment name: (_) @skip))
[(function_definition name: (word) @function) (variable_assignment name: (variable_name) @variable)] @whole
"""


_CSHARP = """
(field_declaration (modifier) @_m (variable_declaration (variable_declarator name: (_) @constant) @whole)
  (#eq? @_m "const"))
[(namespace_declaration name: (_) @module) (file_scoped_namespace_declaration name: (_) @module)
 (class_declaration name: (_) @class) (record_declaration name: (_) @class)
 (struct_declaration name: (_) @struct) (interface_declaration name: (_) @interface)
 (enum_declaration name: (_) @enum) (enum_member_declaration name: (_) @constant)
 (delegate_declaration name: (_) @type) (method_declaration name: (_) @method)
 (constructor_declaration name: (_) @method) (operator_declaration operator: _ @method)
 (local_function_statement name: (_) @function) (property_declaration name: (_) @variable)
 (event_declaration name: (_) @variable)
 (field_declaration (variable_declaration (variable_declarator name: (_) @variable)))
 (event_field_declaration (variable_declaration (variable_declarator name: (_) @variable)))] @whole
"""

_ELIXIR_HEAD = """(arguments . [
  (identifier) @{0} (call target: (identifier) @{0})
  (binary_operator left: [
    (identifier) @{0} (call target: (identifier) @{0})
    (binary_operator left: [(identifier) @{0} (call target: (identifier) @{0})] operator: "::")]
    operator: ["when" "::"])])"""

# Elixir's own attributes describe the next definition and define nothing themselves.
_ELIXIR_ATTRIBUTES = (
    "after_compile|before_compile|behaviour|callback|compile|deprecated|derive|dialyzer|doc|enforce_keys|"
    "external_resource|impl|macrocallback|moduledoc|moduletag|opaque|optional_callbacks|spec|tag|type|typedoc|typep"
)

_ELIXIR = f"""
(call target: (_) @_def (arguments . (alias) @module) (#any-of? @_def "defmodule" "defimpl")) @whole
(call target: (_) @_def (arguments . (alias) @interface) (#eq? @_def "defprotocol")) @whole
(call target: (_) @_def {_ELIXIR_HEAD.format("function")}
  (#any-of? @_def "def" "defp" "defdelegate" "defguard" "defguardp")) @whole
(call target: (_) @_def {_ELIXIR_HEAD.format("macro")} (#any-of? @_def "defmacro" "defmacrop")) @whole
(unary_operator operand: (call target: (_) @_at {_ELIXIR_HEAD.format("type")}
  (#any-of? @_at "type" "typep" "opaque"))) @whole
(unary_operator operand: (call target: (_) @_at {_ELIXIR_HEAD.format("prototype")}
  (#any-of? @_at "callback" "macrocallback"))) @whole
(unary_operator operator: "@" operand: (call target: (identifier) @constant
  (#not-match? @constant "^({_ELIXIR_ATTRIBUTES})$"))) @whole
"""

_GO = """
[(type_spec name: (_) @struct type: (struct_type))
 (type_spec name: (_) @interface type: (interface_type))] @whole
[(type_spec name: (_) @type) (type_alias name: (_) @type) (function_declaration name: (_) @function)
 (method_declaration name: (_) @method) (method_elem name: (_) @method)
 (const_spec name: (_) @constant) (var_spec name: (_) @variable)] @whole
(func_literal) @local
"""

_HASKELL_BINDING = """[
  (signature name: [(variable) @function (prefix_id (_) @function)])
  (signature names: (binding_list name: [(variable) @function (prefix_id (_) @function)]))
  (function name: [(variable) @function (prefix_id (_) @function)])
  (function (infix operator: [(operator) @function (infix_id (_) @function)]))
  (bind name: [(variable) @function (prefix_id (_) @function)])] @whole"""

_HASKELL = f"""
[(header module: (_) @module) (class name: (_) @class) (data_type name: (_) @type) (newtype name: (_) @type)
 (type_synonym name: (_) @type) (type_family name: (_) @type) (data_family name: (_) @type)
 (data_constructor constructor: (_ name: (_) @constant)) (gadt_constructor name: (_) @constant)
 (newtype_constructor name: (_) @constant) (field name: (field_name (variable) @function))
 (foreign_import signature: (signature name: (variable) @function))
 (pattern_synonym (equation synonym: (apply function: (constructor) @constant)))] @whole
(declarations {_HASKELL_BINDING})
(class_declarations {_HASKELL_BINDING})
(instance_declarations {_HASKELL_BINDING})
(instance) @members
"""

_JAVA = """
(field_declaration (modifiers) @_m declarator: (variable_declarator name: (_) @constant)
  (#match? @_m "static +final|final +static")) @whole
[(class_declaration name: (_) @class) (record_declaration name: (_) @class) (enum_declaration name: (_) @enum)
 (interface_declaration name: (_) @interface) (annotation_type_declaration name: (_) @interface)
 (enum_constant name: (_) @constant)
 (constant_declaration declarator: (variable_declarator name: (_) @constant))
 (field_declaration declarator: (variable_declarator name: (_) @variable))
 (method_declaration name: (_) @method) (annotation_type_element_declaration name: (_) @method)
 (constructor_declaration name: (_) @method) (compact_constructor_declaration name: (_) @method)] @whole
"""

_JS_FUNCTION = "[(function_expression) (arrow_function) (generator_function)]"
_JS_PAIR = (
    f"(object (pair key: [(property_identifier) @method (string (_) @method)] value: {_JS_FUNCTION}) @whole)"
)
_JS_EXPORTS = """(member_expression
  object: [(identifier) @_exports (member_expression property: (_) @_exports)] property: (_) @{0})"""

_JAVASCRIPT = f"""
(variable_declarator name: (_) @skip value: [(call_expression function: (identifier) @_require)
  (member_expression object: (call_expression function: (identifier) @_require))] (#eq? @_require "require"))
[(variable_declarator name: (identifier) @function value: {_JS_FUNCTION})
 (variable_declarator name: (identifier) @class value: (class))
 (assignment_expression left: (identifier) @function right: {_JS_FUNCTION})
 (function_declaration name: (_) @function) (generator_function_declaration name: (_) @function)
 (class_declaration name: (_) @class)
 (method_definition name: [(property_identifier) @method (private_property_identifier) @method
   (string (_) @method)])] @whole
(assignment_expression left: {_JS_EXPORTS.format("function")} right: {_JS_FUNCTION}
  (#eq? @_exports "exports")) @whole
(assignment_expression left: (member_expression property: (_) @method)
  right: [(assignment_expression right: {_JS_FUNCTION}) {_JS_FUNCTION}]) @whole
(assignment_expression left: {_JS_EXPORTS.format("value")} (#eq? @_exports "exports")) @whole
(variable_declarator value: {_JS_PAIR})
(assignment_expression right: {_JS_PAIR})
(export_statement value: {_JS_PAIR})
(return_statement {_JS_PAIR})
(pair value: {_JS_PAIR})
(function_expression name: (_) @function) @whole
(lexical_declaration kind: "const" (variable_declarator name: (identifier) @constant) @whole)
(variable_declarator name: (identifier) @value) @whole
[(arrow_function) (function_expression) (generator_function) (class_static_block)
 (if_statement) (for_statement) (for_in_statement) (while_statement) (try_statement)] @local
(export_statement declaration: (_) @wrapped) @wrapper
"""

_TYPESCRIPT = f"""
{_JAVASCRIPT}
[(abstract_class_declaration name: (_) @class) (interface_declaration name: (_) @interface)
 (type_alias_declaration name: (_) @type) (enum_declaration name: (_) @enum)
 (enum_assignment name: [(property_identifier) @constant (string (_) @constant)])
 (function_signature name: (_) @function)
 (method_signature name: (property_identifier) @method) (abstract_method_signature name: (_) @method)
 (internal_module name: (_) @module) (module name: (identifier) @module)
 (public_field_definition name: (property_identifier) @method value: {_JS_FUNCTION})] @whole
(public_field_definition name: [(property_identifier) @value (private_property_identifier) @value
  (string (_) @value)]) @whole
(enum_body name: [(property_identifier) @constant (string (_) @constant)] @whole)
(ambient_declaration (_) @wrapped .) @wrapper
"""

_JAVASCRIPT += f"""
(field_definition property: (property_identifier) @method value: {_JS_FUNCTION}) @whole
(field_definition property: [(property_identifier) @value (private_property_identifier) @value]) @whole
"""

_KOTLIN = """
[(class_declaration (modifiers (class_modifier "enum")) name: (_) @enum)
 (class_declaration "interface" name: (_) @interface)
 (property_declaration (modifiers (property_modifier) @_m)
   (variable_declaration . (identifier) @constant) (#eq? @_m "const"))] @whole
[(class_declaration name: (_) @class) (object_declaration name: (_) @class)
 (companion_object name: (_) @class) (type_alias type: (identifier) @type)
 (enum_entry (identifier) @constant) (function_declaration name: (_) @function)
 (secondary_constructor "constructor" @method)
 (class_parameter ["val" "var"] . (identifier) @value)
 (property_declaration (variable_declaration . (identifier) @value))] @whole
(object_literal) @members
[(block) (lambda_literal)] @local
"""

_LUA = """
(variable_declaration (assignment_statement (variable_list . name: (identifier) @skip)
  (expression_list . (function_call name: (identifier) @_require))) (#eq? @_require "require"))
[(function_declaration name: [(identifier) @function (dot_index_expression field: (_) @function)
   (method_index_expression method: (_) @method)])
 (assignment_statement
   (variable_list . name: [(identifier) @function (dot_index_expression field: (_) @function)])
   (expression_list . value: (function_definition)))] @whole
(expression_list (table_constructor (field name: (identifier) @function value: (function_definition)) @whole))
[(variable_declaration (assignment_statement (variable_list name: (identifier) @value)))
 (variable_declaration (variable_list name: (identifier) @value))] @whole
(chunk (assignment_statement (variable_list name: [(identifier) @value
  (dot_index_expression field: (identifier) @value)])) @whole)
[(function_definition) (do_statement) (if_statement) (for_statement) (while_statement)
 (repeat_statement)] @local
"""

_PHP = """
[(namespace_definition name: (_) @module) (class_declaration name: (_) @class)
 (trait_declaration name: (_) @trait) (interface_declaration name: (_) @interface)
 (enum_declaration name: (_) @enum) (enum_case name: (_) @constant)
 (function_definition name: (_) @function) (method_declaration name: (_) @method)
 (const_declaration (const_element . (name) @constant))
 (property_declaration (property_element name: (variable_name (name) @variable)))] @whole
(function_call_expression function: (name) @_define arguments: (arguments . (argument (string (_) @constant)))
  (#eq? @_define "define")) @whole
(program (expression_statement (assignment_expression left: (variable_name (name) @function)
  right: [(anonymous_function) (arrow_function)]) @whole))
(program (expression_statement (assignment_expression left: (variable_name (name) @variable)) @whole))
"""

_PYTHON = """
[(function_definition name: (_) @function) (class_definition name: (_) @class)
 (assignment left: (identifier) @value)
 (type_alias_statement left: (type [(identifier) @type (generic_type (identifier) @type)]))] @whole
(decorated_definition definition: (_) @wrapped) @wrapper
"""

_RUBY = """
(assignment left: (_) @class right: (call receiver: (constant) @_meta method: (identifier) @_new)
  (#any-of? @_meta "Class" "Struct" "Data") (#any-of? @_new "new" "define")) @whole
[(module name: (_) @module) (class name: (_) @class) (method name: (_) @function)
 (singleton_method name: (_) @method) (alias name: (_) @method)
 (assignment left: [(constant) @constant (scope_resolution) @constant (global_variable) @variable])
 (operator_assignment left: (constant) @constant)] @whole
(call method: (identifier) @_attr arguments: (argument_list (simple_symbol) @method)
  (#any-of? @_attr "attr_reader" "attr_writer" "attr_accessor")) @whole
(call method: (identifier) @_def arguments: (argument_list . (simple_symbol) @method)
  (#any-of? @_def "define_method" "alias_method")) @whole
[(module) (singleton_class)] @members
"""

_RUST = """
[(function_item name: (_) @function) (function_signature_item name: (_) @function)
 (macro_definition name: (_) @macro)
 (struct_item name: (_) @struct) (union_item name: (_) @struct) (enum_item name: (_) @enum)
 (enum_variant name: (_) @constant) (trait_item name: (_) @trait) (mod_item name: (_) @module body: (_))
 (const_item name: (_) @constant) (static_item name: (_) @value) (type_item name: (_) @type)
 (associated_type name: (_) @type)] @whole
(impl_item) @members
"""

_SCALA = """
[(package_object name: (_) @module) (class_definition name: (_) @class) (object_definition name: (_) @class)
 (trait_definition name: (_) @trait) (enum_definition name: (_) @enum) (simple_enum_case name: (_) @constant)
 (full_enum_case name: (_) @constant) (type_definition name: (_) @type) (given_definition name: (_) @variable)
 (function_definition name: (_) @function) (function_declaration name: (_) @function)
 (val_definition pattern: (identifier) @value) (var_definition pattern: (identifier) @value)
 (val_declaration name: (_) @value) (var_declaration name: (_) @value)] @whole
(extension_definition) @members
[(block) (indented_block) (case_block) (lambda_expression)] @local
"""

_SWIFT = """
[(class_declaration declaration_kind: "struct" name: (_) @struct)
 (class_declaration declaration_kind: "enum" name: (_) @enum)
 (class_declaration declaration_kind: "extension" name: (user_type (type_identifier) @class .))] @whole
[(class_declaration name: (type_identifier) @class) (protocol_declaration name: (_) @interface)
 (function_declaration "func" . name: _ @function) (init_declaration name: _ @method)
 (protocol_function_declaration name: (simple_identifier) @method)
 (macro_declaration (simple_identifier) @macro)
 (typealias_declaration name: (type_identifier) @type) (associatedtype_declaration name: (_) @type)
 (enum_entry name: (simple_identifier) @constant)
 (property_declaration name: (pattern bound_identifier: (_) @value))
 (protocol_property_declaration name: (pattern bound_identifier: (_) @value))] @whole
(statements) @local
"""

_ZIG = """
(variable_declaration . "const" . (identifier) @skip
  (builtin_function (builtin_identifier) @_import) (#eq? @_import "@import"))
[(variable_declaration (identifier) @struct . "=" .
   [(struct_declaration) (union_declaration) (opaque_declaration)])
 (variable_declaration (identifier) @enum . "=" . [(enum_declaration) (error_set_declaration)])
 (function_declaration name: (_) @function)] @whole
(variable_declaration "const" . (identifier) @constant) @whole
(variable_declaration "var" . (identifier) @variable) @whole
[(struct_declaration) (union_declaration) (opaque_declaration) (enum_declaration)] @members
(block) @local
"""

PATTERNS: Mapping[str, str] = {
    "bash": _BASH,
    "c": C,
    "cpp": CPP,
    "csharp": _CSHARP,
    "elixir": _ELIXIR,
    "go": _GO,
    "haskell": _HASKELL,
    "java": _JAVA,
    "javascript": _JAVASCRIPT,
    "kotlin": _KOTLIN,
    "lua": _LUA,
    "php": _PHP,
    "python": _PYTHON,
    "ruby": _RUBY,
    "rust": _RUST,
    "scala": _SCALA,
    "swift": _SWIFT,
    "typescript": _TYPESCRIPT,
    "zig": _ZIG,
}
