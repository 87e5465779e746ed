/** TCP port on which the agent of each host answers. */
export const AGENT_PORT = 6100;
