"""How definitions appear in the syntax trees of C and C++; read `definition_queries` first."""


def _nested(pattern: str) -> str:
    """Match a declarator nested in up to two others, as the pointers in `char **name(void)`."""
    return f"[{pattern} (_ {pattern}) (_ (_ {pattern}))]"


C = f"""
(preproc_ifdef name: (identifier) @_guard (preproc_def name: (identifier) @skip) (#eq? @_guard @skip))
(type_definition type: (_ name: (_) @_tag body: (_)) declarator: (_) @skip (#eq? @_tag @skip))
[(preproc_def name: (_) @macro) (preproc_function_def name: (_) @macro)
 (struct_specifier name: (_) @struct body: (_)) (union_specifier name: (_) @struct body: (_))
 (enum_specifier name: (_) @enum body: (_)) (enumerator name: (_) @constant)] @whole
(type_definition type: [(struct_specifier !name) (union_specifier !name)] declarator: (_) @struct) @whole
(type_definition type: (enum_specifier !name) declarator: (_) @enum) @whole
(type_definition declarator: {_nested("(type_identifier) @type")}) @whole
(type_definition declarator: {
    _nested("(parenthesized_declarator (_ declarator: (type_identifier) @type))")
}) @whole
(compound_statement) @local
(function_definition declarator: {_nested("(function_declarator declarator: (identifier) @function)")}) @whole
(declaration declarator: {_nested("(function_declarator declarator: (identifier) @prototype)")}) @whole
(ERROR (function_declarator declarator: (identifier) @prototype) @whole
  (#not-match? @prototype "^[A-Z][A-Z0-9_]+$"))
(declaration (type_qualifier) @_q (init_declarator declarator: (identifier) @constant)
  (#match? @_q "^const")) @whole
(declaration declarator: [(identifier) @value
  (_ declarator: [(identifier) @value
    (_ declarator: [(identifier) @value (_ declarator: (identifier) @value)
      (parenthesized_declarator (_ declarator: (identifier) @value))])
    (parenthesized_declarator (_ declarator: (identifier) @value))])]) @whole
"""


# A GoogleTest case, `TEST(Suite, Name) {`, is a definition of Name; TEST itself is not a function.
CPP = f"""
(function_definition !type declarator: (function_declarator declarator: (identifier) @_macro
  parameters: (parameter_list (_) . (parameter_declaration type: (type_identifier) @function) .))
  (#match? @_macro "^[A-Z][A-Z0-9_]+$")) @whole
([(function_definition !type declarator: (function_declarator declarator: (identifier) @skip))
  (declaration !type declarator: (function_declarator declarator: (identifier) @skip))]
  (#match? @skip "^[A-Z][A-Z0-9_]+$"))
(declaration declarator: (init_declarator declarator: [(identifier) @prototype (qualified_identifier) @method]
  value: (argument_list (ERROR)))) @whole
{C}
[(namespace_definition name: (_) @module) (class_specifier name: (_) @class body: (_))
 (alias_declaration name: (_) @type) (concept_definition name: (_) @type)] @whole
(function_definition declarator: {
    _nested('''(function_declarator declarator: [(qualified_identifier) @method
  (field_identifier) @function (destructor_name) @function (operator_name) @function
  (template_function) @function])
  ''')
}) @whole
(function_definition declarator: [(operator_cast) @function (qualified_identifier) @method]) @whole
(declaration declarator: (operator_cast) @prototype) @whole
(declaration declarator: {
    _nested('''(function_declarator declarator: [(destructor_name) (operator_name)] @prototype)
  ''')
}) @whole
(field_declaration declarator: {
    _nested('''(function_declarator declarator:
  [(field_identifier) (operator_name)] @prototype)''')
}) @whole
(field_declaration (storage_class_specifier) (type_qualifier) @_q declarator: (field_identifier) @constant
  (#match? @_q "^const")) @whole
(field_declaration (storage_class_specifier) declarator: (field_identifier) @value) @whole
(declaration declarator: (init_declarator declarator: [(qualified_identifier) @value
  (reference_declarator (identifier) @value)])) @whole
(lambda_expression) @local
(template_declaration (_) @wrapped .) @wrapper
"""
