%% @doc Parcels that wait for a van.
-module(queue_of_parcels).
-behaviour(gen_server).

-export([start_link/1, postpone/2, init/1, handle_call/3]).

-define(MAX_ATTEMPTS, 3).

-record(parcel, {id, street, kilos = 0.0, attempts = 0}).

-type care() :: fragile | two_people.

-spec start_link(integer()) -> {ok, pid()}.
start_link(Ramp) ->
    gen_server:start_link({local, ?MODULE}, ?MODULE, [Ramp], []).

init([Ramp]) ->
    process_flag(trap_exit, true),
    {ok, {Ramp, []}}.

%% Puts a parcel off until the next working day; the third time it goes back.
postpone(#parcel{attempts = Tried} = Parcel, _Queue) when Tried >= ?MAX_ATTEMPTS ->
    send_back(Parcel);
postpone(#parcel{attempts = Tried} = Parcel, Queue) ->
    gen_server:call(Queue, {wait, Parcel#parcel{attempts = Tried + 1}}).

handle_call({wait, Parcel}, _From, {Ramp, Waiting}) ->
    {reply, ok, {Ramp, Waiting ++ [Parcel]}};
handle_call(count, _From, {_, Waiting} = State) ->
    {reply, length(Waiting), State}.

send_back(#parcel{street = Street}) ->
    io:format("back from ~s~n", [Street]).
