"""Who a call comes from: a line of the token file, a person of an authorization server, or anybody."""

from mcp.server.auth.provider import AccessToken

from mcp_server.protocol.callers import caller_of, current_caller
from mcp_server.rights.caller import EVERYBODY, Caller

TOKEN = "t" * 24


def test_a_call_without_a_token_comes_from_everybody() -> None:
    """Over a pipe nobody is identified, and the process's own user asks."""
    assert current_caller() == EVERYBODY


def test_the_token_of_a_file_names_its_holder() -> None:
    """Rights are written for the names that an administrator chose."""
    assert caller_of(AccessToken(token=TOKEN, client_id="ann", scopes=[])) == Caller("ann", frozenset())


def test_an_issued_token_names_a_person_and_not_the_program_that_they_use() -> None:
    """Everybody who uses one assistant would be one person otherwise."""
    claims = {"groups": ["payments", "everyone"]}
    token = AccessToken(token=TOKEN, client_id="editor", scopes=[], subject="ann", claims=claims)
    assert caller_of(token) == Caller("ann", frozenset({"payments", "everyone"}))


def test_groups_of_another_form_give_no_group() -> None:
    """A claim is text from elsewhere: "payments" would be eight groups of one letter."""
    for told in ("payments", {"payments": True}, None, 7, [["payments"]]):
        token = AccessToken(token=TOKEN, client_id="a", scopes=[], subject="ann", claims={"groups": told})
        assert caller_of(token) == Caller("ann", frozenset())
