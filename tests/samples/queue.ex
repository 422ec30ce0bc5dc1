defmodule Postbox.Job do
  @moduledoc "A letter to deliver, with what is known of the attempts so far."

  @enforce_keys [:ref, :body, :deadline]
  defstruct [:ref, :body, :deadline, priority: :normal, attempts: 0, errors: []]

  @type priority :: :high | :normal | :low
  @type t :: %__MODULE__{ref: reference(), deadline: integer(), priority: priority()}

  defguard is_late(job, now) when job.deadline < now

  @doc "Sorts before the jobs that should wait for it."
  @spec rank(t()) :: {0..2, integer()}
  def rank(%__MODULE__{priority: :high} = job), do: {0, job.deadline}
  def rank(%__MODULE__{priority: :normal} = job), do: {1, job.deadline}
  def rank(%__MODULE__{priority: :low} = job), do: {2, job.deadline}
end

defmodule Postbox.Queue do
  @moduledoc """
  A process that delivers letters one at a time.

      {:ok, box} = Postbox.Queue.start_link(deliver: &Mailer.send/1)
      Postbox.Queue.push(box, "olá, São Paulo", within: 5_000)

  `deliver` answers `:ok`, `{:retry, why}` `{:snooze, delay}` or `{:discard, why}`.
  """

  use GenServer
  require Logger
  require Postbox.Job
  alias Postbox.Job

  @max_attempts 8
  @first_delay 100

  def start_link(opts) do
    {name, opts} = Keyword.split(opts, [:name])
    GenServer.start_link(__MODULE__, opts, name)
  end

  @doc "Queues `body`. Options: `:within` in milliseconds (a minute), `:priority`."
  @spec push(GenServer.server(), term(), keyword()) :: reference()
  def push(server, body, opts \\ []) do
    deadline = now() + Keyword.get(opts, :within, 60_000)
    priority = Keyword.get(opts, :priority, :normal)
    job = %Job{ref: make_ref(), body: body, deadline: deadline, priority: priority}
    GenServer.cast(server, {:push, job})
    job.ref
  end

  @doc "How many letters ended in which way, and those that nobody took."
  def report(server), do: GenServer.call(server, :report)

  @impl true
  def init(opts) do
    {:ok, %{deliver: Keyword.fetch!(opts, :deliver), ready: [], lost: [], stats: %{}}}
  end

  @impl true
  def handle_call(:report, _from, state), do: {:reply, Map.take(state, [:lost, :stats]), state}

  @impl true
  def handle_cast({:push, job}, state), do: {:noreply, enqueue(state, job), {:continue, :next}}

  @impl true
  def handle_continue(:next, %{ready: []} = state), do: {:noreply, state}

  def handle_continue(:next, %{ready: [job | rest]} = state) do
    state = %{state | ready: rest}
    job = %{job | attempts: job.attempts + 1}
    now = now()

    answer =
      cond do
        Job.is_late(job, now) ->
          {:discard, :late}

        job.attempts > @max_attempts ->
          {:discard, :exhausted}

        true ->
          try do
            state.deliver.(job.body)
          rescue
            error -> {:retry, Exception.message(error)}
          catch
            :exit, why -> {:retry, {:exit, why}}
          end
      end

    state =
      case answer do
        :ok ->
          count(state, :delivered)

        {:retry, why} ->
          delay = @first_delay * Integer.pow(2, job.attempts - 1)
          Process.send_after(self(), {:again, %{job | errors: [why | job.errors]}}, delay)
          count(state, :retried)

        {:snooze, delay} ->
          Process.send_after(self(), {:again, %{job | attempts: job.attempts - 1}}, delay)
          state

        {:discard, why} ->
          Logger.warning("letter #{inspect(job.ref)} given up: #{inspect(why)}")
          %{state | lost: [{why, job} | state.lost]} |> count(why)
      end

    {:noreply, state, {:continue, :next}}
  end

  @impl true
  def handle_info({:again, job}, state), do: {:noreply, enqueue(state, job), {:continue, :next}}

  defp enqueue(state, job), do: %{state | ready: Enum.sort_by([job | state.ready], &Job.rank/1)}
  defp count(state, key), do: update_in(state.stats[key], &((&1 || 0) + 1))
  defp now, do: System.monotonic_time(:millisecond)
end
