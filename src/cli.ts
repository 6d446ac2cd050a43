#!/usr/bin/env node
/** Entry of the command `openclaw-event-isolation`. */
import { runCommand } from "./cli/program.ts";

const exitCode = await runCommand(process.argv);
if (exitCode !== undefined) process.exitCode = exitCode;
