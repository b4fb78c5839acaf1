# What the tests of ReeveRegistry have in common: a registry for each, real processes, reeved.
unless Code.ensure_loaded?(:jiffy) do
  IO.puts("needs jiffy: Debian's erlang-jiffy")
  System.halt(77)
end

defmodule ReeveRegistryCase do
  use ExUnit.CaseTemplate

  @files ["varlink.ex", "reeve_registry.ex"]
  for name <- @files, do: Code.require_file(name, __DIR__)

  using do
    quote do
      # A pool that was written against the ancestor changes this line.
      alias ReeveRegistry, as: ProcessRegistry
      import ReeveRegistryCase
    end
  end

  setup do
    start_supervised!(ReeveRegistry)
    run = ReeveRegistry.get_beam_run_id()
    on_exit(fn -> reevectl(["close", run]) end)
    %{run: run}
  end

  # ---- another BEAM

  def code, do: for(name <- @files, do: [File.read!(Path.join(__DIR__, name)), "\n"])

  @application """
  {:ok, _} = ReeveRegistry.start_link()
  sleep = {:spawn_executable, System.find_executable("sleep")}
  spawned = fn -> sleep |> Port.open(args: ["1000"]) |> Port.info(:os_pid) |> elem(1) end
  workers = for i <- 1..3, do: {"w\#{i}", spawned.()}
  for {id, pid} <- workers, do: :ok = ReeveRegistry.activate_worker(id, self(), pid, nil)
  pids = for({_, pid} <- workers, do: pid) ++ for _ <- 1..UNBOUND//1, do: spawned.()
  IO.puts(Enum.join([ReeveRegistry.get_beam_run_id() | pids], " "))
  Process.sleep(:infinity)
  """

  # With three workers, and so many processes that it has not activated: its pid, its run, theirs.
  def application([program | arguments], unbound) do
    script = String.replace(@application, "UNBOUND", "#{unbound}")

    port =
      Port.open({:spawn_executable, System.find_executable(program)}, [
        :exit_status,
        line: 1000,
        args: arguments ++ ["-e", to_string([code(), script])]
      ])

    {:os_pid, beam} = Port.info(port, :os_pid)
    assert_receive {^port, answer}, 120_000
    assert {:data, {:eol, line}} = answer
    [run | pids] = line |> to_string() |> String.split()
    {beam, run, Enum.map(pids, &String.to_integer/1)}
  end

  # ---- processes

  # By `cat`, which ends with its port; and to outlive it, which ends with the run, by `sleep`.
  def spawned(program, arguments \\ []) do
    executable = {:spawn_executable, System.find_executable(program)}
    port = Port.open(executable, [:exit_status, args: arguments])
    {:os_pid, pid} = Port.info(port, :os_pid)
    {port, pid}
  end

  def activated(id, options \\ []) do
    {port, pid} = spawned("sleep", ["1000"])
    elixir_pid = Keyword.get(options, :elixir_pid, self())
    fingerprint = Keyword.get(options, :fingerprint, "fingerprint")
    assert :ok = ReeveRegistry.activate_worker(id, elixir_pid, pid, fingerprint)
    {port, pid}
  end

  def kill(pid), do: {_, 0} = System.cmd("kill", ["-KILL", "#{pid}"])

  def alive?(pid) do
    case File.read("/proc/#{pid}/stat") do
      {:ok, stat} -> not (stat =~ ~r/^\d+ \(.*\) Z/)
      {:error, _gone} -> false
    end
  end

  def idle, do: spawn(fn -> Process.sleep(:infinity) end)

  def end_of(elixir_process) do
    reference = Process.monitor(elixir_process)
    Process.exit(elixir_process, :kill)
    assert_receive {:DOWN, ^reference, :process, _pid, :killed}, 60_000
  end

  # ---- reeved

  def kill_reeved, do: File.write!(System.fetch_env!("REEVED_GROUP") <> "/cgroup.kill", "1")

  def activations_since_start do
    {json, 0} = reevectl(["stats", "--json=short"])
    :jiffy.decode(json, [:return_maps])["statistics"]["activatedTotal"]
  end

  def reserved_at(id) do
    {json, 0} = reevectl(["--run", ReeveRegistry.get_beam_run_id(), "show", id, "--json=short"])
    :jiffy.decode(json, [:return_maps])["worker"]["reservedAt"]["monotonic"]
  end

  def reevectl(arguments),
    do: System.cmd(System.fetch_env!("REEVECTL"), arguments, stderr_to_stdout: true)

  def ids(workers), do: workers |> Enum.map(fn {id, _info} -> id end) |> Enum.sort()

  def eventually(holds?) do
    patience = String.to_integer(System.get_env("REEVE_TEST_PATIENCE", "15")) * 1000
    eventually(holds?, System.monotonic_time(:millisecond) + patience)
  end

  defp eventually(holds?, deadline) do
    cond do
      holds?.() -> true
      System.monotonic_time(:millisecond) > deadline -> false
      true -> Process.sleep(10) && eventually(holds?, deadline)
    end
  end
end

ExUnit.start(timeout: 300_000)
