import type { Inspection } from '../../connect/fetch-peer-certificate.js';
import type { CertificateStore } from '../../store/certificate-store.js';
import { makeRecord } from '../../store/record/create-stored-certificate.js';
import { trustOf } from '../../store/record/parse-stored-certificate.js';
import type { StoredCertificate } from '../../store/record/stored-certificate.js';
import { expired } from '../../store/record-errors.js';
import type { CheckedTrustPolicy } from '../../trust/checked-trust-policy.js';
import { alreadyRegistered, notRegistered, revokedMeanwhile } from '../registry-errors.js';
import { applyChanges } from './apply-changes.js';
import { approveCertificate } from './approve-certificate.js';
import type {
  Approval,
  ApproveCertificate,
  RegisterOptions,
  ServerChanges,
} from './enrol-options.js';
import { Flows } from './flows.js';
import {
  assertRenewable,
  describeApproved,
  isConflict,
  lookPolicy,
  previousOf,
  registeredPolicy,
  renewedPolicy,
  rewritten,
  shownCertificate,
} from './registration.js';

/** What the flows work with. */
export interface EnrolmentDependencies {
  readonly store: CertificateStore;
  readonly approve: ApproveCertificate | undefined;
  /** Connects once, as a client under the policy would. */
  readonly inspect: (target: InspectTarget, signal: AbortSignal) => Promise<Inspection>;
}

export interface InspectTarget {
  /** Under which it is registered, or will be. */
  readonly id?: string | undefined;
  readonly url: string;
  readonly policy: CheckedTrustPolicy;
  /** Instead of the registry's. */
  readonly proxy?: string | undefined;
  /** Whether a request may be sent, to see what a server says of the client's certificate by HTTP. */
  readonly isApproved?: boolean;
}

export interface Renewed {
  readonly changed: boolean;
  readonly sameKey: boolean;
  readonly record: StoredCertificate;
}

/** A flow that meets a change begins anew with what is there then, so often at most. */
const MAX_ATTEMPTS = 8;

/**
 * How records come about and change. Three rules hold for every flow: what is stored was judged by
 * `decide` with the handshake whose certificate was shown; it is written only if the record still is the
 * one that the flow read, past every cache; and a revocation ends the flow at once.
 */
export class Enrolment {
  readonly #dependencies: EnrolmentDependencies;
  readonly #flows = new Flows();

  constructor(dependencies: EnrolmentDependencies) {
    this.#dependencies = dependencies;
  }

  /** Ends the flows of an id that is being revoked. */
  revoked(id: string): void {
    this.#flows.end(id);
  }

  /** Ends all flows, for good. */
  close(): void {
    this.#flows.close();
  }

  /** See `ServerRegistry.register`. */
  register(id: string, url: string, options: RegisterOptions): Promise<StoredCertificate> {
    const { store, inspect } = this.#dependencies;
    const { proxy, origins, labels, approvedBy, expiresAt, replace } = options;
    const given = lookPolicy(options);
    return this.#flows.run(id, options.signal, async (signal) => {
      const before = await store.read(id);
      if (before.record !== undefined && replace !== true) throw alreadyRegistered(id);
      const inspection = await inspect({ id, url, policy: given, proxy }, signal);
      const policy = registeredPolicy(inspection, url, given, options);
      await this.#approve(id, before.record, inspection, options);
      await this.#tryClient({ id, url, policy, proxy }, inspection, signal);
      const record = makeRecord({
        ...{ url, trust: policy, origins, proxy, labels, approvedBy },
        certificate: shownCertificate(policy, inspection),
        approvedAt: new Date(),
        expiresAt: expiresAt ?? undefined,
        previous: previousOf(before.record, policy, inspection),
      });
      signal.throwIfAborted();
      try {
        await store.set(id, record, { ifRevision: before.revision });
        return record;
      } catch (error) {
        if (!isConflict(error)) throw error;
        const isThere = (await store.read(id)).record !== undefined;
        throw isThere ? alreadyRegistered(id, error) : revokedMeanwhile(id);
      }
    });
  }

  /** See `ServerRegistry.renew`. @param asks whether the registry's own `approve` is asked */
  renew(id: string, approval: Approval, asks: boolean): Promise<Renewed> {
    return this.#change<Renewed>(id, approval.signal, async (record, signal) => {
      const { url, proxy } = record;
      const { policy } = trustOf(record);
      const inspection = await this.#dependencies.inspect({ id, url, policy, proxy }, signal);
      const { peer, look } = inspection;
      if (look.refusal !== undefined) assertRenewable(id, policy);
      const sameKey = await this.#approve(id, record, inspection, approval, asks);
      if (look.refusal !== undefined) {
        const renewed = renewedPolicy(inspection, url, policy);
        await this.#tryClient({ id, url, policy: renewed, proxy }, inspection, signal);
        const next = rewritten(record, {
          trust: renewed,
          certificate: shownCertificate(renewed, inspection),
          approvedBy: approval.approvedBy,
          approvedAt: new Date(),
          previous: previousOf(record, renewed, inspection),
        });
        return { next, result: { changed: true, sameKey, record: next } };
      }
      // Where a pin is trusted, the certificate is kept to be shown.
      const isShown = policy.identity !== 'pin' || record.certificate?.pem === peer.pem;
      if (isShown) return { result: { changed: false, sameKey, record } };
      const previous = previousOf(record, policy, inspection);
      const next = rewritten(record, { certificate: peer.pem, previous });
      return { next, result: { changed: true, sameKey, record: next } };
    });
  }

  /** See `ServerRegistry.update`. */
  update(id: string, changes: ServerChanges): Promise<StoredCertificate> {
    const prolongs = changes.expiresAt !== undefined;
    return this.#change(
      id,
      changes.signal,
      async (record, signal) => {
        const before = trustOf(record).own;
        const { url, policy, proxy, rest } = applyChanges(record, before, changes);
        if (policy === undefined) {
          const next = rewritten(record, rest);
          return { next, result: next };
        }
        const inspection = await this.#dependencies.inspect({ id, url, policy, proxy }, signal);
        if (inspection.look.refusal !== undefined) throw inspection.look.refusal;
        await this.#tryClient({ id, url, policy, proxy }, inspection, signal);
        const other =
          changes.trust === undefined && policy.identity !== 'pin'
            ? {}
            : {
                certificate: shownCertificate(policy, inspection),
                previous: previousOf(record, policy, inspection),
              };
        const next = rewritten(record, { ...rest, url, trust: policy, ...other });
        return { next, result: next };
      },
      prolongs,
    );
  }

  /** Reads, changes, and writes on the condition that nothing came between. */
  #change<Result>(
    id: string,
    caller: AbortSignal | undefined,
    change: (
      record: StoredCertificate,
      signal: AbortSignal,
    ) => Promise<{ readonly next?: StoredCertificate; readonly result: Result }>,
    takesExpired = false,
  ): Promise<Result> {
    const { store } = this.#dependencies;
    return this.#flows.run(id, caller, async (signal) => {
      for (let attempt = 1; ; attempt++) {
        const present = await store.read(id);
        if (present.record === undefined) {
          throw attempt === 1 ? notRegistered(id) : revokedMeanwhile(id);
        }
        if (present.expired && !takesExpired) throw expired(id);
        const { next, result } = await change(present.record, signal);
        if (next === undefined) return result;
        signal.throwIfAborted();
        try {
          await store.set(id, next, { ifRevision: present.revision });
          return result;
        } catch (error) {
          if (!isConflict(error) || attempt === MAX_ATTEMPTS) throw error;
        }
      }
    });
  }

  /**
   * Some servers refuse a client certificate only by HTTP, and nothing was sent to this one before it was
   * approved: it is asked now, over a connection that is judged by the trust which is about to be stored.
   */
  async #tryClient(
    target: InspectTarget,
    { look }: Inspection,
    signal: AbortSignal,
  ): Promise<void> {
    const { clientCertificate } = target.policy;
    if (clientCertificate === undefined || !look.handshake.asksForCertificate) return;
    const approved = { ...target, isApproved: true };
    const { refusal } = (await this.#dependencies.inspect(approved, signal)).look;
    if (refusal !== undefined) throw refusal;
  }

  /** @returns whether the server has the key of the certificate on record */
  async #approve(
    id: string,
    record: StoredCertificate | undefined,
    { peer, look }: Inspection,
    approval: Approval,
    asks = true,
  ): Promise<boolean> {
    const current = await describeApproved(record);
    await approveCertificate({
      id,
      peer,
      isKnown: record !== undefined,
      current,
      approval,
      fallback: asks ? this.#dependencies.approve : undefined,
      isTrusted: look.refusal === undefined,
    });
    return current?.spkiPin === peer.description.spkiPin;
  }
}
