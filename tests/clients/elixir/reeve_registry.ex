defmodule ReeveRegistry do
  @moduledoc """
  External worker processes that cannot outlive this BEAM, with the functions, arities and return
  values of `Snakepit.Pool.ProcessRegistry`: `alias ReeveRegistry, as: ProcessRegistry`.

  The run that it opens is owned by this BEAM, and reeved kills all that is in it when the BEAM ends,
  however it ends. Start the BEAM with `reevectl run -- …`, and what was spawned and not yet
  activated ends with it, too. Restarts of this registry and of reeved change nothing.

  What cannot be true is refused with `{:error, reason}`: `:already_active`, `:no_such_process`,
  `:not_permitted`, `:process_mismatch`, `:process_in_other_run`, `:invalid_name`, … Functions that
  have no place for an error raise it.

  Options of `start_link/1`: `:socket`, reeved's; by default $REEVE_SOCKET, else the usual place.
  Needs jiffy, which is Debian's erlang-jiffy.
  """
  use GenServer
  alias ReeveRegistry.Varlink

  def start_link(opts \\ []), do: GenServer.start_link(__MODULE__, opts, name: __MODULE__)

  # What changes a worker is done by the registry, one after the other; who looks, looks himself.

  @doc "Reserves a worker's slot before its process is spawned; done again, it is reserved anew."
  def reserve_worker(worker_id), do: change({:reserve, worker_id})

  @doc "Binds a process, with all that it has forked and will fork. It is contained on return."
  def activate_worker(worker_id, elixir_pid, process_pid, fingerprint),
    do: change({:activate, worker_id, elixir_pid, process_pid, fingerprint})

  @doc deprecated: "Use reserve_worker/1 and activate_worker/4"
  def register_worker(worker_id, elixir_pid, process_pid, fingerprint),
    do: activate_worker(worker_id, elixir_pid, process_pid, fingerprint)

  @doc "Takes a worker off the listings. A process that lives stays contained and ends with the run."
  def unregister_worker(worker_id), do: change({:unregister, worker_id})

  @doc "Ends what is left of the workers that validate_workers/0 lists; returns how many they were."
  def cleanup_dead_workers, do: change(:cleanup_dead_workers)

  @doc "True for a worker that was activated, false for one that is only reserved."
  def worker_registered?(worker_id) do
    name?(worker_id) and
      call!("IsRegistered", %{run: get_beam_run_id(), worker: worker_id})["registered"]
  end

  def get_worker_info(worker_id) do
    with true <- name?(worker_id),
         {:ok, %{"worker" => %{"activatedAt" => _} = worker}} <-
           call("GetWorker", %{run: get_beam_run_id(), worker: worker_id}) do
      {:ok, info(worker)}
    else
      {:error, reason} when reason != :no_such_worker -> {:error, reason}
      _unknown_or_reserved -> {:error, :not_found}
    end
  end

  @doc "`[{worker_id, info}]`, without reservations."
  def list_all_workers do
    for %{"activatedAt" => _} = worker <- call!("ListWorkers", in_run())["workers"],
        do: {worker["worker"], info(worker)}
  end

  # Compared here, as terms that are equal need not be equal as text.
  def get_workers_by_fingerprint(fingerprint),
    do: Enum.filter(list_all_workers(), fn {_id, info} -> info.fingerprint == fingerprint end)

  @doc "Of the workers whose Elixir process and whose process live."
  def get_active_process_pids,
    do: for({_id, %{status: :active} = info, true} <- liveness(), do: info.process_pid)

  @doc "Of all registered workers, whatever their state."
  def get_all_process_pids do
    for %{"pid" => pid} <- call!("ListProcesses", in_run(%{all: true}))["processes"], do: pid
  end

  @doc "The workers whose Elixir process or whose process is dead; changes nothing."
  def validate_workers, do: for({id, info, false} <- liveness(), do: {id, info})

  def get_beam_run_id, do: elem(:persistent_term.get(__MODULE__), 1)

  def get_stats do
    workers = liveness()
    alive = for {_id, info, true} <- workers, do: info

    %{
      total_registered: length(workers),
      alive_workers: length(alive),
      dead_workers: length(workers) - length(alive),
      active_process_pids: Enum.count(alive, &(&1.status == :active))
    }
  end

  @doc "Ends what runs of dead owners have left; returns when it is gone, or after ten seconds."
  def manual_orphan_cleanup do
    with {:ok, _report} <- call("CleanupOrphans"), do: :ok
  end

  @doc "Every worker's record, of other runs too, and the id of this run."
  def debug_show_all_entries do
    current = get_beam_run_id()

    {for %{"worker" => worker, "run" => run} = entry <- call!("ListEntries")["entries"] do
       %{
         worker_id: worker,
         process_pid: entry["process"]["pid"],
         beam_run_id: run,
         is_current_run: run == current,
         process_alive: entry["processIsAlive"]
       }
     end, current}
  end

  def dets_table_size do
    {entries, _run} = debug_show_all_entries()
    {:ok, length(entries)}
  end

  @impl true
  def init(opts) do
    socket = opts[:socket] || System.get_env("REEVE_SOCKET") || "/run/reeve/io.reeve.Registry"

    with {:ok, _report} <- call(socket, "CleanupOrphans", %{}),
         {:ok, %{"run" => %{"run" => run}}} <- run_of_this_beam(socket) do
      :persistent_term.put(__MODULE__, {socket, run})
      {:ok, nil}
    else
      {:error, reason} -> {:stop, reason}
    end
  end

  # The run that an earlier registry of this BEAM has opened, or `reevectl run`; else a new one.
  defp run_of_this_beam(socket) do
    earlier = :persistent_term.get(__MODULE__, nil)
    named = if earlier, do: %{run: elem(earlier, 1)}, else: %{}
    beam = beam_os_pid()

    with {:ok, %{"run" => %{"owner" => %{"pid" => ^beam}, "state" => "open"}}} = ours <-
           call(socket, "GetRun", named) do
      ours
    else
      _none -> call(socket, "OpenRun", %{name: to_string(node())})
    end
  end

  @impl true
  def handle_call(request, _from, state), do: {:reply, answer(request), state}

  defp answer({:reserve, id}) do
    with {:error, :already_reserved} <- to_worker("Reserve", id),
         :ok <- to_worker("Unregister", id),
         # Refused, it was done just now by a reeved that was killed, and the answer is lost.
         {:error, :already_reserved} <- to_worker("Reserve", id),
         do: :ok
  end

  defp answer({:activate, id, elixir_pid, process_pid, fingerprint})
       when is_pid(elixir_pid) and node(elixir_pid) == node() and is_integer(process_pid) do
    details = %{
      process: %{pid: process_pid},
      handle: pid_to_text(elixir_pid),
      fingerprint: term_to_text(fingerprint)
    }

    outcome =
      with {:error, :not_reserved} <- to_worker("Activate", id, details),
           {:error, :already_reserved} <- to_worker("Register", id, details),
           do: to_worker("Activate", id, details)

    # That, too, may have been done already, as it was asked for.
    with {:error, :already_active} <- outcome,
         {:ok, %{elixir_pid: ^elixir_pid, process_pid: ^process_pid, fingerprint: ^fingerprint}} <-
           get_worker_info(id),
         do: :ok,
         else: (_different -> outcome)
  end

  defp answer({:activate, _, _, _, _}), do: {:error, :no_such_process}

  defp answer({:unregister, id}) do
    with {:error, :invalid_name} <- to_worker("Unregister", id), do: :ok
  end

  # Without grace: with the Elixir process went its port, which is how a worker is told to end.
  defp answer(:cleanup_dead_workers) do
    Enum.count(validate_workers(), fn {id, _info} ->
      to_worker("Stop", id, %{graceUSec: 0})
      to_worker("Unregister", id) == :ok
    end)
  end

  # `{id, info, whether both its Elixir process and its process live}`
  defp liveness do
    dead = for %{"worker" => id} <- call!("ValidateWorkers", in_run())["dead"], do: id
    for {id, info} <- list_all_workers(), do: {id, info, id not in dead and alive?(info.elixir_pid)}
  end

  # What has no Elixir process was put into the run by others, with `reevectl exec` for one.
  defp alive?(elixir_pid), do: not is_pid(elixir_pid) or Process.alive?(elixir_pid)

  defp info(worker) do
    %{
      status: String.to_atom(worker["state"]),
      elixir_pid: text_to_pid(worker["handle"]),
      process_pid: worker["process"]["pid"],
      fingerprint: text_to_term(worker["fingerprint"]),
      registered_at: div(worker["activatedAt"]["realtime"], 1_000_000),
      beam_run_id: worker["run"],
      beam_os_pid: beam_os_pid(),
      pgid: worker["process"]["pid"],
      control_group: worker["controlGroup"],
      exit: worker["exit"]
    }
  end

  # "<0.1.2>" still means the same when the node gets a name, and is legible in `reevectl list`.
  defp pid_to_text(pid), do: pid |> :erlang.pid_to_list() |> to_string()
  defp term_to_text(term), do: term |> :erlang.term_to_binary() |> Base.encode64()

  defp text_to_pid(text) do
    text |> to_charlist() |> :erlang.list_to_pid()
  rescue
    ArgumentError -> text
  end

  defp text_to_term(text) do
    text |> to_string() |> Base.decode64!() |> :erlang.binary_to_term([:safe])
  rescue
    ArgumentError -> text
  end

  defp beam_os_pid, do: String.to_integer(System.pid())
  defp name?(worker_id), do: is_binary(worker_id) and String.valid?(worker_id)
  defp in_run(parameters \\ %{}), do: Map.put(parameters, :run, get_beam_run_id())
  defp change(request), do: GenServer.call(__MODULE__, request, :infinity)

  defp to_worker(method, worker_id, details \\ %{}) do
    with true <- name?(worker_id),
         {:ok, _reply} <- call(method, in_run(Map.put(details, :worker, worker_id))) do
      :ok
    else
      false -> {:error, :invalid_name}
      {:error, reason} -> {:error, reason}
    end
  end

  defp call!(method, parameters \\ %{}) do
    case call(method, parameters) do
      {:ok, reply} -> reply
      {:error, reason} -> raise "#{method}: reeved does not do it: #{inspect(reason)}"
    end
  end

  defp call(method, parameters \\ %{}),
    do: call(elem(:persistent_term.get(__MODULE__), 0), method, parameters)

  defp call(socket, method, parameters),
    do: Varlink.call(socket, "io.reeve.Registry." <> method, parameters)
end
