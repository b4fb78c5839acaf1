defmodule ReeveRegistry.Varlink do
  @moduledoc "Calls of a varlink service: JSON that ends with a NUL, over a unix socket."

  # So long, in milliseconds, may a reeved that was killed take to be there again, and an answer.
  @absence 5_000
  @patience 30_000

  @doc """
  Calls a method and returns `{:ok, parameters}` or `{:error, reason}`.

  A connection lasts for one call: nobody waits behind somebody else's slow one, and none has to be
  renewed when reeved restarts. A call that was cut short by that is made again.
  """
  def call(socket, method, parameters) do
    message = [:jiffy.encode(%{method: method, parameters: parameters}), 0]
    attempt(socket, message, System.monotonic_time(:millisecond) + @absence)
  end

  defp attempt(socket, message, deadline) do
    with {:error, reason} when reason in [:enoent, :econnrefused, :econnreset, :epipe, :closed] <-
           exchange(socket, message) do
      if System.monotonic_time(:millisecond) < deadline do
        Process.sleep(20)
        attempt(socket, message, deadline)
      else
        {:error, reason}
      end
    end
  end

  defp exchange(socket, message) do
    with {:ok, connection} <- :gen_tcp.connect({:local, socket}, 0, [:binary, active: false]) do
      try do
        with :ok <- :gen_tcp.send(connection, message),
             {:ok, reply} <- receive_reply(connection, []),
             do: result(:jiffy.decode(reply, [:return_maps, :use_nil]))
      after
        :gen_tcp.close(connection)
      end
    end
  end

  defp receive_reply(connection, received) do
    with {:ok, bytes} <- :gen_tcp.recv(connection, 0, @patience) do
      if :binary.last(bytes) == 0,
        do: {:ok, [received, binary_part(bytes, 0, byte_size(bytes) - 1)]},
        else: receive_reply(connection, [received, bytes])
    end
  end

  defp result(%{"error" => "org.varlink.service.PermissionDenied"}), do: {:error, :not_permitted}

  defp result(%{"error" => name}) do
    # "io.reeve.Registry.NoSuchProcess" is :no_such_process.
    {:error, name |> String.split(".") |> List.last() |> Macro.underscore() |> String.to_atom()}
  end

  defp result(%{"parameters" => parameters}), do: {:ok, parameters}
end
