/**
 * The parameters that a restricted connection may give to a method about sessions.
 *
 * Like the table of methods, this one is closed: a parameter that is not in it, in this release or a later one, is
 * denied. It comes from the handlers of 2026.2.9, 2026.5.7 and 2026.9.6: parameters that neither lead to another
 * session nor make the answer depend on one.
 */
import { type Fields, fieldsOrNone } from "./fields.ts";

/** Allowed for every method: the rules themselves read them. @see judgeRequest */
const JUDGED = /^(?:agentId|runId|sessionId|taskId|spawnedBy)$|(?:^s|S)essionKeys?$/;

const TALK =
  "voiceSessionId voiceChangeId provider model voice language vadThreshold silenceDurationMs prefixPaddingMs reasoningEffort mode transport brain capabilities ttlMs callId name args relaySessionId entryId role text timestamp";
const HISTORY = "cursor limit maxBytes offset pendingBefore inputRunIds messageId maxChars";
const PATCH =
  "expectedSessionId expectedLifecycleRevision expectedPermissionMode expectedSandboxMode expectedNativeRuntimeConsent expectedToolOverrides expectedMarkedUnreadAt autoLabel icon color category boardFace boardPresentation statusNote attention ttlMinutes archived pinned unread contextWindow thinkingLevel fastMode toolOverrides verboseLevel traceLevel reasoningLevel responseUsage elevatedLevel execHost execSecurity execAsk execNode permissionMode sandboxMode nativeRuntimeConsent model agentRuntime inheritedToolPolicyVersion inheritedToolAllow inheritedToolDeny sendPolicy groupActivation spawnedWorkspaceDir spawnDepth subagentRole subagentControlScope";
const LIST =
  "limit offset activeMinutes activeOnly requireLastInteraction sortBy includeGlobal includeUnknown excludeSubagents excludeCron excludeSystem configuredAgentsOnly includeDerivedTitles includeLastMessage includeActivitySummary label projectId workspaceDir group pinned boardFace hasBoard creatorId ownerId ownerFirst involvingMe profileRelation includePeople search archived";

/** Methods, and their allowed parameters in addition to the one that names the session. */
const TABLE: readonly (readonly [methods: string, parameters: string])[] = [
  // No `to`, `channel`, `accountId`, `groupId`, `voiceWakeTrigger` and the like: they choose another session.
  [
    "agent",
    "message provider model expectedExistingSessionId thinking deliver attachments timeout bestEffortDeliver cwd modelRun promptMode extraSystemPrompt bootstrapContextMode inputProvenance idempotencyKey",
  ],
  ["artifacts.download artifacts.get artifacts.list", "messageRole artifactId transport type limit cursor"],
  ["board.event", "widget payload"],
  ["board.update", "ops"],
  ["board.widget.appView", "name revision instanceId"],
  ["board.widget.put", "name title content presentation heightMode placement declared generatedIdentity"],
  ["chat.abort", "preserveSideRuns"],
  ["chat.history chat.startup", HISTORY],
  ["chat.inject", "message label"],
  ["chat.message.get", "messageId maxChars"],
  ["chat.metadata", "authProfileId"],
  [
    "chat.send",
    "message mentions workContext intent thinking fastMode fastAutoOnSeconds queueMode deliver replyToId attachments timeoutMs systemInputProvenance systemProvenanceReceipt suppressCommandInterpretation expectedLeafEntryId expectedSessionRoutingContract expectedPermissionMode expectedToolOverrides idempotencyKey",
  ],
  ["chat.toolTitles", "items"],
  ["health", "probe"],
  ["progressCard.put", "markdown plan expectedRevision"],
  ["progressCard.refresh", "idempotencyKey"],
  ["question.request", "id questions timeoutMs"],
  ["question.get", "id"],
  ["question.resolve", "id answers secretStoreAllowedHosts resolvedBy resolutionId cancel"],
  ["question.waitAnswer", "id timeoutMs includeResolutionId"],
  ["session.members.add session.members.remove", "identityId"],
  ["session.suggestions.add", "text"],
  ["session.suggestions.resolve", "id resolution"],
  ["session.typing", "typing preview"],
  ["session.visibility.set", "visibility"],
  ["sessions.abort", "clearQueued"],
  ["sessions.branches.switch", "leafEntryId"],
  ["sessions.companion.ask", "question"],
  ["sessions.compact", "maxLines"],
  ["sessions.compaction.branch sessions.compaction.get sessions.compaction.restore", "checkpointId"],
  [
    "sessions.create",
    "idempotencyKey displayName titleSource category model agentRuntime contextWindow thinkingLevel fastMode permissionMode toolOverrides incognito visibility spawnDepth fork forkFrom emitCommandHooks succeedsParent timeoutMs task message mentions attachments projectId projectGitUrl repository worktree worktreeSource worktreeBaseRef execNode cwd",
  ],
  [
    "sessions.delete",
    "deleteTranscript expectedSessionId expectedLifecycleRevision expectedSessionUpdatedAt emitLifecycleHooks archivedOnly",
  ],
  ["sessions.describe", "includeDerivedTitles includeLastMessage"],
  ["sessions.diff", "scope commit"],
  ["sessions.files.get sessions.files.list sessions.files.set", "path search content expectedHash"],
  ["sessions.fork sessions.rewind", "entryId"],
  ["sessions.get", "limit"],
  ["sessions.goal.clear sessions.goal.update", "goalId operationId issuedAtMs action objective note"],
  ["sessions.list sessions.subscribe", LIST],
  ["sessions.messages.subscribe", "includeApprovals"],
  ["sessions.patch", PATCH],
  ["sessions.patchMany", "patch"],
  ["sessions.pluginPatch", "pluginId namespace value unset"],
  ["sessions.preview", "limit maxChars"],
  ["sessions.reset", "reason expectedSessionId"],
  ["sessions.resolve", "reference shortId slugHint includeGlobal includeUnknown allowMissing"],
  // No `scope`: it searches beyond the sessions that are named.
  ["sessions.search", "query limit"],
  ["sessions.send sessions.steer", "message mentions thinking attachments timeoutMs idempotencyKey"],
  ["sessions.setInvolvement", "expectedSessionId hidden"],
  // No `agentScope`, `creatorKey`, `groupBy`: they sum up others.
  ["sessions.usage", "startDate endDate mode range utcOffset timeZone limit includeContextWeight"],
  ["sessions.usage.logs sessions.usage.timeseries", "limit"],
  [
    "talk.client.close talk.client.create talk.client.steer talk.client.toolCall talk.client.transcript talk.realtime.session talk.session.create",
    TALK,
  ],
  ["tasks.list", "status limit cursor sortBy"],
];

const HARMLESS: ReadonlyMap<string, ReadonlySet<string>> = new Map(
  TABLE.flatMap(([methods, parameters]) => {
    const names: ReadonlySet<string> = new Set(parameters.split(" "));
    return methods.split(" ").map((method) => [method, names] as const);
  }),
);

/**
 * A label is unique within its agent's sessions: whether it can be set, and where it leads, reveals something about
 * all of them. Labels are for connections that may use all of them; so is the name of a worktree.
 */
const LABELS = new Set(["agent", "sessions.create", "sessions.patch", "sessions.patchMany", "sessions.resolve"]);

/** Values that name no real channel: a client's own connection, and the session's current one. */
const OWN_CHANNELS = new Set<unknown>(["webchat", "last"]);

/**
 * The first parameter that a restricted connection may not give.
 *
 * @param method one that is bound to sessions, or lists them
 * @param field the parameter that names the session, if it has one
 * @param wholeAgent whether the connection may use every session of the agents that the request is about
 * @returns its name, or undefined if all may be given
 */
export function deniedParameter(
  method: string,
  body: Fields,
  field: string | undefined,
  wholeAgent: () => boolean,
): string | undefined {
  const harmless = HARMLESS.get(method);
  const labelled = LABELS.has(method);
  const mayLabel = (holder: unknown): boolean => {
    const { label } = fieldsOrNone(holder);
    return label === undefined || label === null || wholeAgent();
  };
  for (const name of Object.keys(body)) {
    if (name === field || JUDGED.test(name) || harmless?.has(name)) continue;
    if (name === "channel" && method === "agent" && OWN_CHANNELS.has(body[name])) continue;
    if (name === "worktreeName" && method === "sessions.create" && wholeAgent()) continue;
    if (!labelled || name !== "label" || !mayLabel(body)) return name;
  }
  if (labelled && ![body["patch"], ...listed(body["targets"])].every(mayLabel)) return "label";
  return undefined;
}

function listed(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}
