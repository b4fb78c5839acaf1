# What the ancestor promises of each function, and what is refused here: on a real reeved, with real
# processes. Run by ../with_reeved.sh.
Code.require_file("reeve_registry_case.exs", __DIR__)

defmodule ReeveRegistryTest do
  use ReeveRegistryCase

  test "it starts under a supervisor, by its child_spec" do
    assert %{id: ReeveRegistry, start: {ReeveRegistry, :start_link, [[]]}} =
             ProcessRegistry.child_spec([])

    assert Process.alive?(Process.whereis(ReeveRegistry))
  end

  test "it does not start without a reeved, and says why" do
    stop_supervised!(ProcessRegistry)
    Process.flag(:trap_exit, true)
    assert {:error, :enoent} = ProcessRegistry.start_link(socket: "/nowhere/socket")
  end

  test "it has the ancestor's functions" do
    arities = [
      start_link: 0,
      start_link: 1,
      child_spec: 1,
      reserve_worker: 1,
      activate_worker: 4,
      register_worker: 4,
      unregister_worker: 1,
      worker_registered?: 1,
      get_worker_info: 1,
      list_all_workers: 0,
      get_workers_by_fingerprint: 1,
      get_active_process_pids: 0,
      get_all_process_pids: 0,
      validate_workers: 0,
      cleanup_dead_workers: 0,
      get_beam_run_id: 0,
      get_stats: 0,
      manual_orphan_cleanup: 0,
      debug_show_all_entries: 0,
      dets_table_size: 0
    ]

    assert arities -- ProcessRegistry.__info__(:functions) == []
  end

  test "a reservation is counted and shown, and is no registered worker", %{run: run} do
    assert :ok = ProcessRegistry.reserve_worker("w")
    refute ProcessRegistry.worker_registered?("w")
    assert {:error, :not_found} = ProcessRegistry.get_worker_info("w")
    assert [] = ProcessRegistry.list_all_workers()
    assert [] = ProcessRegistry.get_all_process_pids()
    assert [] = ProcessRegistry.validate_workers()
    assert 0 = ProcessRegistry.cleanup_dead_workers()
    assert {:ok, 1} = ProcessRegistry.dets_table_size()

    assert {[
              %{
                worker_id: "w",
                process_pid: nil,
                beam_run_id: ^run,
                is_current_run: true,
                process_alive: false
              }
            ], ^run} = ProcessRegistry.debug_show_all_entries()
  end

  test "a second reservation takes the place of the first" do
    assert :ok = ProcessRegistry.reserve_worker("w")
    first = reserved_at("w")
    assert :ok = ProcessRegistry.reserve_worker("w")
    assert reserved_at("w") > first
    assert {_port, _pid} = activated("w")
    assert eventually(fn -> ProcessRegistry.dets_table_size() == {:ok, 1} end)
  end

  test "a reservation over an active worker is refused, and the worker is not forgotten" do
    {_port, pid} = activated("w")
    assert {:error, :already_active} = ProcessRegistry.reserve_worker("w")
    assert {:ok, %{process_pid: ^pid}} = ProcessRegistry.get_worker_info("w")
  end

  test "an activated worker is registered, with all that was said of it", %{run: run} do
    before = System.system_time(:second)
    assert :ok = ProcessRegistry.reserve_worker("w")
    {_port, pid} = spawned("cat")
    fingerprint = {:grpc, %{"python" => ~c"3.11", self() => make_ref()}, 1.5, <<0, 255>>}
    assert :ok = ProcessRegistry.activate_worker("w", self(), pid, fingerprint)
    assert ProcessRegistry.worker_registered?("w")
    assert {:ok, info} = ProcessRegistry.get_worker_info("w")
    beam = String.to_integer(System.pid())

    assert %{
             status: :active,
             process_pid: ^pid,
             fingerprint: ^fingerprint,
             beam_run_id: ^run,
             beam_os_pid: ^beam,
             pgid: ^pid
           } = info

    assert info.elixir_pid == self()
    assert info.registered_at in before..System.system_time(:second)
    assert File.read!("/proc/#{pid}/cgroup") =~ info.control_group
    assert [{"w", ^info}] = ProcessRegistry.list_all_workers()
  end

  test "a worker can be activated without a reservation, and registered with one or without" do
    assert {_port, _pid} = activated("activated")
    {_port, first} = spawned("cat")
    {_port, second} = spawned("cat")
    assert :ok = ProcessRegistry.register_worker("registered", self(), first, "fingerprint")
    assert :ok = ProcessRegistry.reserve_worker("reserved")
    assert :ok = ProcessRegistry.register_worker("reserved", self(), second, "fingerprint")
    assert ["activated", "registered", "reserved"] = ids(ProcessRegistry.list_all_workers())
  end

  for {what, pid, reason} <- [
        {"PID 1", 1, :process_mismatch},
        {"this BEAM", String.to_integer(System.pid()), :process_mismatch},
        {"a number that is no pid", -5, :invalid_parameter},
        {"a number beyond all pids", 2 ** 40, :invalid_parameter},
        {"nothing", nil, :no_such_process},
        {"an Elixir pid", quote(do: self()), :no_such_process}
      ] do
    test "#{what} cannot be a worker's process" do
      assert {:error, unquote(reason)} =
               ProcessRegistry.activate_worker("w", self(), unquote(pid), "fingerprint")

      refute ProcessRegistry.worker_registered?("w")
    end
  end

  test "a process that is gone cannot be activated, and its reservation stays" do
    assert :ok = ProcessRegistry.reserve_worker("w")
    {port, pid} = spawned("cat")
    kill(pid)
    assert_receive {^port, {:exit_status, 137}}, 60_000

    assert {:error, :no_such_process} =
             ProcessRegistry.activate_worker("w", self(), pid, "fingerprint")

    assert {[%{worker_id: "w", process_pid: nil}], _run} = ProcessRegistry.debug_show_all_entries()
  end

  test "a process has one worker, and a worker one process" do
    {_port, first} = activated("first")
    {_port, other} = spawned("cat")

    assert {:error, :already_active} =
             ProcessRegistry.activate_worker("second", self(), first, "fingerprint")

    assert {:error, :already_active} =
             ProcessRegistry.activate_worker("first", self(), other, "fingerprint")

    assert {:ok, %{process_pid: ^first}} = ProcessRegistry.get_worker_info("first")
  end

  test "a process of another run cannot be activated" do
    {_port, other} = spawned("cat")
    {_port, owner} = spawned("cat")
    {run, 0} = reevectl(["open", "--owner", "#{owner}"])
    run = String.trim(run)
    {_told, 0} = reevectl(["--run", run, "register", "w", "--pid", "#{other}"])

    assert {:error, :process_in_other_run} =
             ProcessRegistry.activate_worker("w", self(), other, "fingerprint")

    assert {entries, _run} = ProcessRegistry.debug_show_all_entries()
    assert [%{process_pid: ^other, beam_run_id: ^run, is_current_run: false}] = entries
    reevectl(["close", run])
  end

  test "what is no Elixir process of this node cannot be a worker's" do
    {_port, pid} = spawned("cat")

    for wrong <- [nil, :name, "<0.1.2>", make_ref()],
        do:
          assert(
            {:error, :no_such_process} =
              ProcessRegistry.activate_worker("w", wrong, pid, "fingerprint")
          )
  end

  test "what is no name is refused, and never registered" do
    {_port, pid} = spawned("cat")

    for name <- ["", "a/b", "a\nb", "a\0b", <<255>>, String.duplicate("n", 5000), :atom, nil, {1}] do
      assert {:error, :invalid_name} = ProcessRegistry.reserve_worker(name)

      assert {:error, :invalid_name} =
               ProcessRegistry.activate_worker(name, self(), pid, "fingerprint")

      refute ProcessRegistry.worker_registered?(name)
      assert {:error, :not_found} = ProcessRegistry.get_worker_info(name)
      assert :ok = ProcessRegistry.unregister_worker(name)
    end

    assert {:ok, 0} = ProcessRegistry.dets_table_size()
  end

  test "a fingerprint too long for a record is refused" do
    {_port, pid} = spawned("cat")

    assert {:error, :too_many} =
             ProcessRegistry.activate_worker("w", self(), pid, String.duplicate("f", 5000))
  end

  test "unregistering is always :ok, and a process that lives stays contained", %{run: run} do
    assert :ok = ProcessRegistry.unregister_worker("never heard of")
    {port, pid} = activated("w")
    assert :ok = ProcessRegistry.unregister_worker("w")
    refute ProcessRegistry.worker_registered?("w")
    assert {:error, :not_found} = ProcessRegistry.get_worker_info("w")
    assert File.read!("/proc/#{pid}/cgroup") =~ run
    {_port, other} = activated("w")
    assert {:ok, %{process_pid: ^other}} = ProcessRegistry.get_worker_info("w")
    {_told, 0} = reevectl(["close", run])
    assert_receive {^port, {:exit_status, 137}}, 60_000
  end

  test "workers are found by their fingerprint, which is any term and is compared with ==" do
    for {id, fingerprint} <- [{"a", {:v, 1}}, {"b", {:v, 1.0}}, {"c", {:v, 2}}, {"d", nil}],
        do: activated(id, fingerprint: fingerprint)

    assert ["a", "b"] = ids(ProcessRegistry.get_workers_by_fingerprint({:v, 1}))
    assert ["c"] = ids(ProcessRegistry.get_workers_by_fingerprint({:v, 2}))
    assert ["d"] = ids(ProcessRegistry.get_workers_by_fingerprint(nil))
    assert [] = ProcessRegistry.get_workers_by_fingerprint("d")
    [{"c", info}] = ProcessRegistry.get_workers_by_fingerprint({:v, 2})
    assert {:ok, ^info} = ProcessRegistry.get_worker_info("c")
  end

  test "active are those whose Elixir process and whose process live; all are all" do
    {_port, both_live} = activated("both live")
    {port, process_died} = activated("process died")
    elixir_process = idle()
    {_port, elixir_died} = activated("elixir died", elixir_pid: elixir_process)
    everyone = Enum.sort([both_live, process_died, elixir_died])
    assert everyone == Enum.sort(ProcessRegistry.get_active_process_pids())
    kill(process_died)
    assert_receive {^port, {:exit_status, 137}}, 60_000
    end_of(elixir_process)

    assert [both_live] == ProcessRegistry.get_active_process_pids()
    assert everyone == Enum.sort(ProcessRegistry.get_all_process_pids())
    assert ["elixir died", "process died"] = ids(ProcessRegistry.validate_workers())
    assert {:ok, 3} = ProcessRegistry.dets_table_size()

    assert %{total_registered: 3, alive_workers: 1, dead_workers: 2, active_process_pids: 1} =
             ProcessRegistry.get_stats()
  end

  test "cleaning up ends what dead workers have left, and counts them" do
    {_port, living} = activated("living")
    {port, process_died} = activated("process died")
    elixir_process = idle()
    {left, _pid} = activated("elixir died", elixir_pid: elixir_process)
    kill(process_died)
    assert_receive {^port, {:exit_status, 137}}, 60_000
    end_of(elixir_process)

    assert 2 = ProcessRegistry.cleanup_dead_workers()
    assert_receive {^left, {:exit_status, status}} when status in [137, 143], 60_000
    assert 0 = ProcessRegistry.cleanup_dead_workers()
    assert [{"living", %{process_pid: ^living}}] = ProcessRegistry.list_all_workers()
    assert eventually(fn -> ProcessRegistry.dets_table_size() == {:ok, 1} end)
  end

  test "what others have put into the run is listed, and is not cleaned up", %{run: run} do
    {_port, pid} = spawned("cat")

    {_told, 0} = reevectl(~w(--run #{run} register w --pid #{pid} --handle mine --fingerprint v1))

    assert [{"w", %{elixir_pid: "mine", fingerprint: "v1"}}] = ProcessRegistry.list_all_workers()
    assert [{"w", _info}] = ProcessRegistry.get_workers_by_fingerprint("v1")
    assert 0 = ProcessRegistry.cleanup_dead_workers()
    assert [^pid] = ProcessRegistry.get_active_process_pids()
  end

  test "an orphan cleanup leaves what is alive alone", %{run: run} do
    activated("w")
    assert :ok = ProcessRegistry.reserve_worker("reserved")
    assert :ok = ProcessRegistry.manual_orphan_cleanup()
    assert {:ok, %{status: :active}} = ProcessRegistry.get_worker_info("w")
    assert {:ok, 2} = ProcessRegistry.dets_table_size()
    assert run == ProcessRegistry.get_beam_run_id()
  end

  test "a BEAM whose user may open no run is told so" do
    script = "Process.flag(:trap_exit, true); IO.inspect(ReeveRegistry.start_link())"
    nobody = ["--reuid=65534", "--regid=65534", "--clear-groups"]
    command = nobody ++ ["elixir", "-e", to_string([code(), script])]
    assert {"{:error, :not_permitted}\n", 0} = System.cmd("setpriv", command, env: [{"HOME", "/"}])
  end
end
