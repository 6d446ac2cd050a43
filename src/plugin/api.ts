/** The part of OpenClaw's plugin API that the plugin uses. Members that a release lacks are optional. */
import type { GatewayConfig } from "../gateway/types.ts";

export interface PluginApi {
  /** The plugin's folder; 2026.2 has only {@link source}, its entry file. */
  readonly rootDir?: string;
  readonly source: string;
  /** 2026.5 on: `full` in a gateway, others in commands. Before, `register` runs in both alike. */
  readonly registrationMode?: string;
  readonly config: GatewayConfig;
  /** Missing while a command's metadata is collected; then even reading it throws. */
  readonly runtime: PluginRuntime;
  registerGatewayMethod(
    name: string,
    handler: (request: MethodRequest) => void,
    options?: { readonly scope: string; readonly profileAccess: "independent" },
  ): void;
  registerCli(
    registrar: (context: { readonly program: Command }) => void,
    options: { readonly commands: readonly string[]; readonly descriptors: readonly CommandDescriptor[] },
  ): void;
  registerService(service: { readonly id: string; start(): void }): void;
}

export interface MethodRequest {
  readonly client?: { readonly connect?: { readonly scopes?: readonly string[] } } | null;
  respond(ok: boolean, payload?: unknown, error?: unknown): void;
}

export interface PluginRuntime {
  readonly system: {
    /** Runs a program to its end. */
    runCommandWithTimeout(
      argv: readonly string[],
      options: { readonly timeoutMs: number },
    ): Promise<{ readonly stdout: string; readonly stderr: string }>;
  };
}

export interface CommandDescriptor {
  readonly name: string;
  readonly description: string;
  readonly hasSubcommands: boolean;
}

/** Commander's command, as far as it is used. */
export interface Command {
  command(name: string): Command;
  description(text: string): Command;
  option(flags: string, description: string): Command;
  action(run: (options: { readonly json?: boolean }) => Promise<void>): Command;
}
