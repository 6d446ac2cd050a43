/** The patterns of stiff English that this project's prose avoids. CONTRIBUTING.md explains the rules. */

export interface Rule {
  /** Matches one occurrence in text whose code is blanked. A space in it also matches a line break. */
  readonly pattern: RegExp;
  /** What to write instead. */
  readonly instead: string;
}

/** A rule of words: letter case does not count, and a space may be one line break. */
function words(pattern: string, instead: string): Rule {
  return { pattern: new RegExp(String.raw`\b(?:${spaced(pattern)})\b`, "giu"), instead };
}

/** A rule of how a sentence begins. */
function opening(pattern: string, instead: string): Rule {
  return { pattern: new RegExp(String.raw`\b(?:${spaced(pattern)})`, "gu"), instead };
}

/** Lets each space be any white space without an empty line. */
function spaced(pattern: string): string {
  return pattern.replaceAll(" ", String.raw`(?:[^\S\n]+|[^\S\n]*\n[^\S\n]*)`);
}

const BE = "am|is|are|was|were|be|been|being";
/** The rest of a sentence. */
const REST = String.raw`(?:(?!\n\s*\n)[^.?¤|])*`;
const FINITE = String.raw`\b(?:is|are|was|were|has|have|does|do|goes|gets|comes|must|may|can|needs|sets|takes|gives|ends)\b`;

export const RULES: readonly Rule[] = [
  words(
    `(?<!there )(?:${BE}) no(?! (?:longer|more|less|fewer|one|better|worse|different|matter|later|earlier|use)\\b)`,
    '"is not a", or say what it is',
  ),
  words("(?:is|are|was|were) none", '"is not one", "there are none"'),
  words("(?:has|have|had|having) to be", '"must be"'),
  words("look(?:s|ed|ing)? whether", '"checks whether"'),
  words("(?:tell|tells|told) (?:that|what|which|who|how|whether|why|of|when|where)", '"says", "reports", "shows"'),
  words("(?:say|says|said) of", '"says about"; what a client says of itself is "self-reported"'),
  words("in place of", '"instead of"'),
  words("besides?", '"alongside", "next to", "as well as", "also"'),
  words("half(?:-| )protected", '"partly protected"'),
  words("(?:put|puts|putting) (?:off|\\w+ off)", '"defer"'),
  words("(?:set|sets|setting) aside", '"hold", "defer"'),
  words("(?<!heartbeat[.-]|@param )preempt(?:s|ed|ing|ion)?", '"abort"'),
  words("as published", '"control gateway", "unmodified"'),
  words("(?:plain|bare) (?:gateway|release)s?", '"control gateway"'),
  words("what (?:became|becomes|has become) of", '"the outcome of", "what happens to"'),
  words("nothing but|nothing to do but", '"only"'),
  words("(?:none|some|any|one|all|nothing) of (?:ours|theirs)", '"our own"; name it'),
  words("save for|but for|all but", '"except"'),
  words("whom", 'name the person: "who receives it", "the client that …"'),
  words("found out|find out itself", '"determined", "detected"'),
  words("cure[sd]?|curing", '"fix"'),
  words("in the midst of", '"in the middle of", "during"'),
  words("com(?:e|es|ing) along|came along", '"is installed", "is included"'),
  words("an own|a \\w+ of an own", '"its own"'),
  words("of today|as of old", '"existing", "as before"'),
  words("has as its|have as their", '"uses"'),
  opening(`(?:Who|Whoever|Whose|Whom)(?= )${REST}[.]`, 'name the actor: "A client that …", "To …"'),
  opening(`What(?:ever|soever)?(?= )${REST}${FINITE}${REST}${FINITE}${REST}[.]`, "name the thing instead of “What …”"),
];
