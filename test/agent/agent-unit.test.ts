import { describe, expect, it } from 'vitest';
import { agentUnit } from '../../src/agent/index.ts';

describe('agentUnit', () => {
  // A changed text restarts the agent on every node at the next upgrade.
  it('writes this text', () => {
    expect(agentUnit({ executable: '/usr/local/bin/caisson', config: '/etc/caisson/agent.yaml' })).toBe(`[Unit]
Description=Caisson node agent
After=network.target
StartLimitIntervalSec=0

[Service]
Type=simple
Environment="NODE_OPTIONS=--jitless --max-semi-space-size=1"
ExecStart=/usr/local/bin/caisson agent run --config /etc/caisson/agent.yaml
ExecReload=/usr/local/bin/caisson agent reload --config /etc/caisson/agent.yaml
Restart=always
RestartSec=5
LimitNOFILE=65536
TasksMax=512
MemoryMax=512M
OOMScoreAdjust=-500

[Install]
WantedBy=multi-user.target
`);
  });
});
