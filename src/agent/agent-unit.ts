export interface AgentUnitRequest {
  /** Absolute path of the caisson executable on the node. */
  readonly executable: string;
  /** Absolute path of the agent's configuration. */
  readonly config: string;
}

/**
 * The text of caisson-agent.service. The units that the agent makes are systemd's, not its children: the limits here are
 * the agent's own, and stopping it stops no service.
 */
export function agentUnit(request: AgentUnitRequest): string {
  for (const path of [request.executable, request.config]) {
    if (!/^\/[A-Za-z0-9._/-]+$/.test(path)) throw new Error(`"${path}" is not a path for a unit`);
  }
  return `[Unit]
Description=Caisson node agent
After=network.target
StartLimitIntervalSec=0

[Service]
Type=simple
ExecStart=${request.executable} agent run --config ${request.config}
ExecReload=${request.executable} agent reload --config ${request.config}
Restart=always
RestartSec=5
LimitNOFILE=65536
TasksMax=512
MemoryMax=512M
OOMScoreAdjust=-500

[Install]
WantedBy=multi-user.target
`;
}
