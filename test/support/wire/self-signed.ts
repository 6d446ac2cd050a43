/** A certificate for 127.0.0.1 that no authority has signed. */
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { PROGRAM_MS } from "../within.ts";

/** Makes a key and its certificate in a folder that the caller removes. */
export function selfSigned(folder: string): { key: Buffer; cert: Buffer; certFile: string } {
  const [keyFile, certFile] = [join(folder, "key.pem"), join(folder, "cert.pem")];
  const subject = "-subj /CN=localhost -addext subjectAltName=IP:127.0.0.1";
  const made = `req -x509 -newkey rsa:2048 -nodes -days 2 ${subject}`.split(" ");
  execFileSync("openssl", [...made, "-keyout", keyFile, "-out", certFile], { stdio: "pipe", timeout: PROGRAM_MS });
  return { key: readFileSync(keyFile), cert: readFileSync(certFile), certFile };
}
