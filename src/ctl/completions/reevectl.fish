# fish completion for reevectl(1), which knows itself what may come next
complete -c reevectl -f -a '(reevectl complete -- (commandline -opc)[2..-1] (commandline -ct) 2>/dev/null)'
