# What is killed here: the registry, reeved, the BEAM. Run by ../with_reeved.sh.
Code.require_file("reeve_registry_case.exs", __DIR__)

defmodule SurvivalTest do
  use ReeveRegistryCase

  test "the registry finds its workers again when it crashes", %{run: run} do
    {_port, pid} = activated("w")
    registry = Process.whereis(ReeveRegistry)
    end_of(registry)
    assert eventually(fn -> Process.whereis(ReeveRegistry) not in [nil, registry] end)
    assert :ok = ProcessRegistry.reserve_worker("another")
    assert run == ProcessRegistry.get_beam_run_id()
    assert {:ok, %{process_pid: ^pid, status: :active}} = ProcessRegistry.get_worker_info("w")
  end

  test "reeved is killed and restarted, and nothing is lost", %{run: run} do
    {port, pid} = activated("w", fingerprint: %{version: 1})
    assert :ok = ProcessRegistry.reserve_worker("reserved")
    {:ok, before} = ProcessRegistry.get_worker_info("w")
    entries = ProcessRegistry.debug_show_all_entries()
    assert activations_since_start() > 0
    kill_reeved()
    assert {:ok, ^before} = ProcessRegistry.get_worker_info("w")
    assert activations_since_start() == 0
    assert entries == ProcessRegistry.debug_show_all_entries()
    assert run == ProcessRegistry.get_beam_run_id()
    assert {_port, _pid} = activated("reserved")
    kill(pid)
    assert_receive {^port, {:exit_status, 137}}, 60_000
    assert ["w"] = ids(ProcessRegistry.validate_workers())
  end

  test "reeved is killed at any moment while workers come and go, and nobody is told an error" do
    for i <- 1..60, id = "w#{rem(i, 20)}", reduce: 0 do
      last_took ->
        killer =
          Task.async(fn ->
            Process.sleep(:rand.uniform(last_took + 1) - 1)
            kill_reeved()
          end)

        {took, _} =
          :timer.tc(fn ->
            assert :ok = ProcessRegistry.unregister_worker(id)
            assert :ok = ProcessRegistry.reserve_worker(id)
            {_port, pid} = spawned("cat")
            assert :ok = ProcessRegistry.activate_worker(id, self(), pid, i)
            assert {:ok, info} = ProcessRegistry.get_worker_info(id)
            assert {^pid, ^i} = {info.process_pid, info.fingerprint}
          end)

        Task.await(killer)
        div(took, 1000)
    end

    assert 20 = ProcessRegistry.get_stats().alive_workers
  end

  test "the BEAM is killed, and all its workers are gone" do
    {beam, run, workers} = application(["elixir"], 0)
    assert Enum.all?(workers, &alive?/1)
    assert {listed, 0} = reevectl(["--run", run, "list", "--no-legend"])
    assert 3 = listed |> String.split("\n", trim: true) |> length()
    kill(beam)
    assert eventually(fn -> not Enum.any?(workers, &alive?/1) end)
    assert eventually(fn -> match?({_, 1}, reevectl(["--run", run, "list"])) end)
  end

  test "what was not yet activated is gone, too, where `reevectl run` has started the BEAM" do
    command = [System.fetch_env!("REEVECTL"), "run", "--", "elixir"]
    {beam, _run, processes} = application(command, 2)
    assert length(processes) == 5
    kill(beam)
    assert eventually(fn -> not Enum.any?(processes, &alive?/1) end)
  end
end
