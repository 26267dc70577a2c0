import { useRef, useState } from 'preact/hooks';
import {
  DECLARATIONS,
  type Declaration,
  FAILURE_CODES,
  type Failure,
  type FailureCode,
  type Service,
} from './service.js';
import type { Texts } from './texts.js';

interface Props {
  readonly deliveryId: string;
  readonly service: Service;
  readonly t: Texts;
}

/** What a dispatcher does with a delivery: share it, declare what no sensor knows, cancel it. */
export function Actions({ deliveryId, service, t }: Props) {
  const [link, setLink] = useState<string | null>(null);
  const [said, setSaid] = useState<string | null>(null);
  const [type, setType] = useState<Declaration | ''>('');
  const [code, setCode] = useState<FailureCode>('other');
  const [isBusy, setIsBusy] = useState(false);
  // One key for each declaration: sending it again, when no response came, records it once.
  const key = useRef(crypto.randomUUID());

  const share = async () => {
    setIsBusy(true);
    const result = await service.share(deliveryId);
    setIsBusy(false);
    if ('failure' in result) {
      setSaid(t.failure[result.failure]);
      return;
    }
    const made = `${new URL('.', location.href).href}#${result.value.token}`;
    setLink(made);
    setSaid((await copied(made)) ? t.linkCopied : t.linkMade);
  };
  const declare = async (event: Event) => {
    event.preventDefault();
    if (type === '') return;
    setIsBusy(true);
    const failure: Failure | null = await service.declare(
      deliveryId,
      type,
      type === 'failed' ? code : null,
      key.current,
    );
    setIsBusy(false);
    if (failure === null || failure !== 'unavailable') key.current = crypto.randomUUID();
    setSaid(failure === null ? t.declared : t.failure[failure]);
    if (failure === null) setType('');
  };
  return (
    <div class="actions">
      <p class="buttons">
        <button type="button" disabled={isBusy} onClick={share}>
          {t.share}
        </button>
      </p>
      {link && (
        <label>
          {t.linkLabel}
          <input
            type="text"
            readOnly
            value={link}
            onFocus={(event) => event.currentTarget.select()}
          />
        </label>
      )}
      <form onSubmit={declare} class="buttons">
        <label>
          {t.declare}
          <select
            value={type}
            onChange={(event) => {
              setType(event.currentTarget.value as Declaration | '');
              key.current = crypto.randomUUID();
            }}
          >
            <option value="">{t.choose}</option>
            {DECLARATIONS.map((one) => (
              <option key={one} value={one}>
                {t.declaration[one]}
              </option>
            ))}
          </select>
        </label>
        {type === 'failed' && (
          <label>
            {t.reason}
            <select
              value={code}
              onChange={(event) => {
                setCode(event.currentTarget.value as FailureCode);
                key.current = crypto.randomUUID();
              }}
            >
              {FAILURE_CODES.map((one) => (
                <option key={one} value={one}>
                  {t.failureCode[one]}
                </option>
              ))}
            </select>
          </label>
        )}
        <button type="submit" disabled={isBusy || type === ''}>
          {t.record}
        </button>
      </form>
      <p role="status" aria-live="polite">
        {said}
      </p>
    </div>
  );
}

async function copied(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return false;
  }
}
