# Fish completion of okta-rollout: asks the program itself what may follow.
complete --command okta-rollout --no-files --keep-order --arguments "(okta-rollout complete -- (commandline --current-process --tokenize --cut-at-cursor) (commandline --current-token --cut-at-cursor) 2>/dev/null)"
